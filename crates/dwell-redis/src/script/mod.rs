//! The scripts: each does in one step what must not be taken apart.
//!
//! Every script touches keys of one slot only. The keys of buckets and of the
//! sessions in them are made in the script, from a start that it is given: they
//! have the hash tag of the keys that are declared.

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

// Where the server's memory is full, nothing new is kept, but what is there
// ends, and is reported, all the same.
scripts! {
    ACKNOWLEDGE " flags=allow-oom" "acknowledge.lua";
    CREATE "" "create.lua";
    DUE " flags=allow-oom" "due.lua";
    END " flags=allow-oom" "end.lua";
    ENLIST "" "enlist.lua";
    LOAD " flags=no-writes" "load.lua";
    SETTLE " flags=allow-oom" "settle.lua";
    SWAP " flags=allow-oom" "swap.lua";
    TOUCH " flags=allow-oom" "touch.lua";
    UNLIST " flags=allow-oom" "unlist.lua";
}

/// A script's text and the hash that it is called by.
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

    /// A call of this script.
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

    /// What decides where a cluster does it.
    pub(crate) fn first_key(&self) -> &[u8] {
        self.keys.first().map_or(&[], Vec::as_slice)
    }

    /// By its hash, which a server knows that has seen the script.
    pub(crate) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    /// By its text, which teaches it to a server that does not know it.
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
