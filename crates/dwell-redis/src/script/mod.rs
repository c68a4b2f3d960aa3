//! The Lua scripts. Each is one atomic step.
//!
//! Every script touches keys of one slot only. The script itself names buckets
//! and the sessions in them, from a prefix that it is given. They have the hash
//! tag of the keys that are declared.

use std::sync::LazyLock;

use redis::{Cmd, Script};

macro_rules! scripts {
    ($($name:ident $flags:literal $file:literal;)*) => {
        $(pub(crate) static $name: LazyLock<Source> = LazyLock::new(|| {
            Source::new(concat!(
                "#!lua",
                $flags,
                "\n",
                include_str!("prelude.lua"),
                include_str!($file)
            ))
        });)*
    };
}

// When the server's memory is full, no session starts, but existing ones can
// still end and be reported.
scripts! {
    ACKNOWLEDGE " flags=allow-oom" "acknowledge.lua";
    CREATE "" "create.lua";
    DUE " flags=allow-oom" "due.lua";
    END " flags=allow-oom" "end.lua";
    ENLIST "" "enlist.lua";
    FAIL " flags=allow-oom" "fail.lua";
    FORGET " flags=allow-oom" "forget.lua";
    LOAD " flags=no-writes" "load.lua";
    SETTLE " flags=allow-oom" "settle.lua";
    SWAP " flags=allow-oom" "swap.lua";
    TOUCH " flags=allow-oom" "touch.lua";
    UNLIST " flags=allow-oom" "unlist.lua";
}

/// A script's text, and the hash to call it by.
#[derive(Debug)]
pub(crate) struct Source {
    text: &'static str,
    hash: String,
}

impl Source {
    fn new(text: &'static str) -> Self {
        let hash = Script::new(text).get_hash().to_owned();
        Self { text, hash }
    }

    /// Begins a call of this script.
    pub(crate) fn call(&'static self) -> Call {
        Call {
            script: self,
            keys: Vec::new(),
            args: Vec::new(),
        }
    }
}

/// A script with its keys and arguments.
#[derive(Debug)]
pub(crate) struct Call {
    script: &'static Source,
    keys: Vec<Vec<u8>>,
    args: Vec<Vec<u8>>,
}

impl Call {
    pub(crate) fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.keys.push(key.into());
        self
    }

    pub(crate) fn arg(mut self, arg: impl Into<Vec<u8>>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn number(self, number: impl Into<u64>) -> Self {
        self.arg(number.into().to_string())
    }

    /// The key that decides which cluster node runs the script.
    pub(crate) fn first_key(&self) -> &[u8] {
        self.keys.first().map_or(&[], Vec::as_slice)
    }

    /// Calls the script by its hash, for a server that has seen it.
    pub(crate) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    /// Calls the script by its text, after which the server knows it.
    pub(crate) fn by_text(&self) -> Cmd {
        self.command("EVAL", self.script.text)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len());
        command.arg(&self.keys).arg(&self.args);
        command
    }
}
