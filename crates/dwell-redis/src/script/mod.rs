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
            bytes: Vec::with_capacity(128),
            ends: Vec::with_capacity(8),
            keys: 0,
        }
    }
}

/// A script with its keys and arguments, keys first.
#[derive(Debug)]
pub(crate) struct Call {
    script: &'static Source,
    /// All of them, one after the other.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    keys: usize,
}

impl Call {
    pub(crate) fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        debug_assert_eq!(self.keys, self.ends.len(), "keys come first");
        self.keys += 1;
        self.arg(key)
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<[u8]>) -> Self {
        self.bytes.extend_from_slice(arg.as_ref());
        self.ends.push(self.bytes.len());
        self
    }

    pub(crate) fn number(self, number: impl Into<u64>) -> Self {
        self.arg(number.into().to_string())
    }

    /// What decides where a cluster does it.
    pub(crate) fn first_key(&self) -> &[u8] {
        self.parts().next().unwrap_or_default()
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let part = &self.bytes[start..*end];
            start = *end;
            part
        })
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
        let count = self.ends.len() + 3;
        let mut command = Cmd::with_capacity(count, self.bytes.len() + script.len() + 16);
        command.arg(name).arg(script).arg(self.keys);
        for part in self.parts() {
            command.arg(part);
        }
        command
    }
}
