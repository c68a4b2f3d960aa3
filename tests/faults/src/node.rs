//! A node: a bank in a separate process.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::history::Event;

/// How long a node may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many lines of a log are printed.
const LAST_WORDS: usize = 30;

/// The first argument that makes this package's program a bank.
pub const NODE: &str = "node";

/// The settings of a node.
#[derive(Clone, Debug)]
pub struct NodeSetup {
    /// This package's program.
    pub program: PathBuf,
    /// The folder of its audit file and log.
    pub folder: PathBuf,
    /// Its name, for files and messages.
    pub name: String,
    /// The URL of its store.
    pub store: String,
    /// Further flags.
    pub flags: &'static [&'static str],
    /// Its policy file.
    pub policy: PathBuf,
    /// The error of its clock, in the form that libfaketime takes: `+600s`.
    pub skew: Option<&'static str>,
}

/// A running bank. It is killed when the value is dropped.
#[derive(Debug)]
pub struct Node {
    setup: NodeSetup,
    child: Child,
    address: SocketAddr,
    _out: BufReader<ChildStdout>,
}

impl Node {
    /// Starts a node on a free port.
    ///
    /// # Errors
    /// When the node does not start; its log says why.
    pub async fn start(setup: NodeSetup) -> io::Result<Self> {
        Self::start_on(setup, "127.0.0.1:0").await
    }

    async fn start_on(setup: NodeSetup, listen: &str) -> io::Result<Self> {
        let mut args: Vec<OsString> = vec![NODE.into()];
        args.extend(["--listen", listen, "--store", &setup.store].map(OsString::from));
        args.extend(setup.flags.iter().map(OsString::from));
        args.extend(["--config".into(), setup.policy.clone().into()]);
        args.extend(["--audit".into(), setup.audit().into()]);
        let log = File::options()
            .create(true)
            .append(true)
            .open(setup.log())?;
        let mut command = Command::new(&setup.program);
        if let Some(skew) = setup.skew {
            // Not by the command `faketime`, which stays in between and passes
            // no signals on. The monotonic clock stays right: a wrong clock is
            // not a slow machine.
            command
                .env("LD_PRELOAD", libfaketime()?)
                .env("FAKETIME", skew)
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                .env("DONT_FAKE_MONOTONIC", "1");
        }
        let mut child = command
            .args(args)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut out = BufReader::new(out);
        let mut first = String::new();
        tokio::time::timeout(PATIENCE, out.read_line(&mut first)).await??;
        let address = first.trim().strip_prefix("listening on http://");
        let address = address.and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| {
            let log = std::fs::read_to_string(setup.log()).unwrap_or_default();
            io::Error::other(format!("{} did not start: {first}{log}", setup.name))
        })?;
        Ok(Self {
            setup,
            child,
            address,
            _out: out,
        })
    }

    /// Returns the node's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills the node with SIGKILL. Returns when it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill9(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Starts the node again at the same address, with the same audit file.
    ///
    /// # Errors
    /// When the node does not start.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.child.kill().await?;
        let listen = self.address.to_string();
        *self = Self::start_on(self.setup.clone(), &listen).await?;
        Ok(())
    }

    /// Ends the node with SIGTERM, as an operator does.
    ///
    /// # Errors
    /// When the node does not end in good order.
    pub async fn end(mut self) -> io::Result<()> {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM)?;
        }
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        if status.success() {
            return Ok(());
        }
        let log = std::fs::read_to_string(self.setup.log()).unwrap_or_default();
        let name = &self.setup.name;
        Err(io::Error::other(format!(
            "{name} ended with {status}: {log}"
        )))
    }

    /// Returns the end of the node's log.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.setup.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let start = lines.len().saturating_sub(LAST_WORDS);
        let lines = lines.get(start..).unwrap_or_default();
        format!("{}: {}", self.setup.name, lines.join("\n    "))
    }

    /// Returns the size of the node's audit file in bytes.
    ///
    /// # Errors
    /// When the file does not exist.
    pub fn audit_length(&self) -> io::Result<u64> {
        Ok(std::fs::metadata(self.setup.audit())?.len())
    }

    /// Returns the events that the node has reported so far. A line that a kill
    /// cut short is ignored.
    ///
    /// # Errors
    /// When the audit file can't be read.
    pub fn events(&self) -> io::Result<Vec<Event>> {
        let text = std::fs::read_to_string(self.setup.audit())?;
        let events = text.lines().map(serde_json::from_str);
        Ok(events.filter_map(Result::ok).collect())
    }
}

impl NodeSetup {
    fn audit(&self) -> PathBuf {
        self.folder.join(format!("{}.jsonl", self.name))
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }
}

/// Finds the library that gives a process another time.
fn libfaketime() -> io::Result<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib")?.flatten();
    let mut files = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    files.find(|file| file.is_file()).ok_or_else(|| {
        let text = "libfaketime is missing: install the Debian package `faketime`";
        io::Error::new(io::ErrorKind::NotFound, text)
    })
}
