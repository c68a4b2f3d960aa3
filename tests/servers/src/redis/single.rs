//! One Redis server.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::programs;
use crate::redis::cli;
use crate::server::{Program, Server, free_port};
use crate::wait::blocking;

const SOCKET: &str = "socket";
const CONFIG: &str = "config";
/// How long a server that starts may take to answer before it is asked again.
const ANSWER: Duration = Duration::from_secs(1);

/// A Redis server. It forgets everything when it ends, unless it is persistent.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    port: u16,
}

impl Redis {
    /// Starts an empty server.
    ///
    /// # Errors
    ///
    /// When Redis is missing or does not get ready within 20 seconds.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// Returns a builder for a server with options.
    #[must_use]
    pub fn builder() -> RedisBuilder {
        RedisBuilder::default()
    }

    /// Returns `redis://127.0.0.1:PORT/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Returns the server's port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs a command with `redis-cli`. Arguments may be binary. Returns the
    /// answer as text, one line per element.
    ///
    /// # Errors
    ///
    /// When the server answers with an error, or not at all.
    pub fn command<A: AsRef<[u8]>>(&self, args: &[A]) -> Result<String> {
        cli::text(self.port, args)
    }

    /// Like [`Redis::command`], for answers that are binary.
    ///
    /// # Errors
    ///
    /// When the server answers with an error, or not at all.
    pub fn command_bytes<A: AsRef<[u8]>>(&self, args: &[A]) -> Result<Vec<u8>> {
        cli::run(self.port, args)
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// The options of a Redis server.
#[derive(Clone, Debug, Default)]
pub struct RedisBuilder {
    args: Vec<OsString>,
    persistent: bool,
    cluster: bool,
    sentinel: Option<String>,
}

impl RedisBuilder {
    /// Keeps data in an append-only file, which is written before each answer, so
    /// that a killed server loses nothing that it has confirmed.
    #[must_use]
    pub fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// Refuses writes beyond `bytes` of memory.
    #[must_use]
    pub fn max_memory(self, bytes: u64) -> Self {
        self.arg("--maxmemory")
            .arg(bytes.to_string())
            .arg("--maxmemory-policy")
            .arg("noeviction")
    }

    /// Adds an argument to the command line. Overrides this crate's arguments.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Makes the server a node of a cluster that is joined later.
    pub(super) fn cluster(mut self) -> Self {
        self.cluster = true;
        self.args(["--cluster-enabled", "yes"])
    }

    /// Makes the server a Sentinel with these lines in its configuration.
    pub(super) fn sentinel(mut self, config: String) -> Self {
        self.sentinel = Some(config);
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// When Redis is missing or does not get ready within 20 seconds.
    pub async fn start(self) -> Result<Redis> {
        blocking(move || self.start_blocking()).await
    }

    pub(super) fn start_blocking(&self) -> Result<Redis> {
        let file = programs::find("redis-server", "redis-server")?;
        let (server, port) = Server::start(
            || self.port(),
            || self.folder(),
            |port, folder| {
                if let Some(config) = &self.sentinel {
                    let path = folder.path().join(CONFIG);
                    let doing = format!("writing {}", path.display());
                    fs::write(path, config).map_err(Error::io(doing))?;
                }
                Ok(Single {
                    file: file.clone(),
                    port,
                    options: self.clone(),
                })
            },
        )?;
        Ok(Redis { server, port })
    }

    /// Chooses a folder in memory for nodes, Sentinels and persistent servers.
    /// They write every change with an fsync, and on a busy disk that takes longer
    /// than others wait for them.
    fn folder(&self) -> Result<Folder> {
        if self.cluster || self.persistent || self.sentinel.is_some() {
            Folder::create_in_memory("redis")
        } else {
            Folder::create("redis")
        }
    }

    fn port(&self) -> Result<u16> {
        loop {
            let port = free_port()?;
            if !self.cluster || has_bus_port(port) {
                return Ok(port);
            }
        }
    }
}

/// Whether a cluster node's second port is free too: the one with which nodes
/// speak to each other, 10000 higher.
fn has_bus_port(port: u16) -> bool {
    let bus = port.checked_add(10_000);
    bus.is_some_and(|bus| TcpListener::bind((Ipv4Addr::LOCALHOST, bus)).is_ok())
}

#[derive(Debug)]
struct Single {
    file: PathBuf,
    port: u16,
    options: RedisBuilder,
}

impl Program for Single {
    fn name(&self) -> &'static str {
        "redis-server"
    }

    fn file(&self) -> &Path {
        &self.file
    }

    fn args(&self, folder: &Path) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        if self.options.sentinel.is_some() {
            args.extend([folder.join(CONFIG).into(), "--sentinel".into()]);
        }
        let port = self.port.to_string();
        let socket = folder.join(SOCKET);
        args.extend(["--port", &port, "--bind", "127.0.0.1", "--save", ""].map(OsString::from));
        args.extend(["--dir".into(), folder.into()]);
        args.extend(["--unixsocket".into(), socket.into()]);
        // By default a primary waits five seconds for more replicas before it
        // sends its data to the first.
        args.extend(["--repl-diskless-sync-delay", "0"].map(OsString::from));
        if self.options.persistent {
            let on = ["--appendonly", "yes", "--appendfsync", "always"];
            args.extend(on.map(OsString::from));
        }
        args.extend(self.options.args.iter().cloned());
        args
    }

    /// Asks through the socket in the server's folder: another process may
    /// answer on the port.
    fn is_ready(&self, folder: &Path, _pid: u32) -> bool {
        let ask = || {
            let mut stream = UnixStream::connect(folder.join(SOCKET))?;
            stream.set_read_timeout(Some(ANSWER))?;
            stream.write_all(b"PING\r\n")?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        };
        // A server that asks for a password is ready, too; one that is loading
        // is not.
        ask().is_ok_and(|answer| matches!(&answer, b"+PONG" | b"-NOAU"))
    }

    fn end_signal(&self) -> Signal {
        Signal::TERM
    }
}
