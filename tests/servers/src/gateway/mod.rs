//! Gateways: nginx, HAProxy and Caddy.

mod caddy;
mod haproxy;
mod nginx;

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::programs;
use crate::server::{Program, Server, free_port};
use crate::wait::blocking;

const CONFIG: &str = "config";

/// Debian has nginx and HAProxy here, which is not on everybody's search path.
const SYSTEM: &str = "/usr/sbin";

/// A gateway's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayKind {
    /// Caddy, with sites of a Caddyfile.
    Caddy,
    /// HAProxy, with `defaults`, `frontend` and `backend` sections.
    HaProxy,
    /// nginx, with contents of its `http` block.
    Nginx,
}

/// A gateway on a free loopback port.
#[derive(Debug)]
pub struct Gateway {
    server: Server,
    port: u16,
}

impl Gateway {
    /// Starts a gateway with the configuration that `config` writes for its port.
    /// The configuration may use relative paths below the server's folder.
    ///
    /// # Errors
    ///
    /// When the program is missing, refuses the configuration, or does not listen
    /// within 20 seconds.
    pub async fn start(
        kind: GatewayKind,
        config: impl Fn(u16) -> String + Send + 'static,
    ) -> Result<Self> {
        blocking(move || Self::start_blocking(kind, &config)).await
    }

    fn start_blocking(kind: GatewayKind, config: &impl Fn(u16) -> String) -> Result<Self> {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&folders).chain([SYSTEM.into()]);
        let file = programs::find_in(folders, kind.name(), kind.package())?;
        let (server, port) = Server::start(
            free_port,
            || Folder::create(kind.name()),
            |port, folder| {
                let path = folder.path().join(CONFIG);
                let doing = format!("writing {}", path.display());
                let text = kind.complete(&config(port));
                fs::write(path, text).map_err(Error::io(doing))?;
                Ok(Process {
                    kind,
                    file: file.clone(),
                    port,
                })
            },
        )?;
        Ok(Self { server, port })
    }

    /// Returns the address on which the gateway listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl Deref for Gateway {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl GatewayKind {
    fn name(self) -> &'static str {
        match self {
            Self::Caddy => "caddy",
            Self::HaProxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Nginx => "nginx-light",
            _ => self.name(),
        }
    }

    /// Adds what a private process needs, and nothing that changes requests.
    fn complete(self, config: &str) -> String {
        match self {
            Self::Caddy => caddy::complete(config),
            Self::HaProxy => haproxy::complete(config),
            Self::Nginx => nginx::complete(config),
        }
    }

    fn args(self) -> &'static [&'static str] {
        match self {
            Self::Caddy => &caddy::ARGS,
            Self::HaProxy => &haproxy::ARGS,
            Self::Nginx => &nginx::ARGS,
        }
    }
}

#[derive(Debug)]
struct Process {
    kind: GatewayKind,
    file: PathBuf,
    port: u16,
}

impl Program for Process {
    fn name(&self) -> &'static str {
        self.kind.name()
    }

    fn file(&self) -> &Path {
        &self.file
    }

    /// A server starts in its folder.
    fn args(&self, _folder: &Path) -> Vec<OsString> {
        self.kind.args().iter().map(OsString::from).collect()
    }

    fn env(&self, folder: &Path) -> Vec<(&'static str, OsString)> {
        // Caddy keeps its state below these.
        let homes = ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"];
        homes.map(|home| (home, folder.into())).into()
    }

    fn is_ready(&self, _folder: &Path, pid: u32) -> bool {
        listens(pid, self.port)
    }

    fn end_signal(&self) -> Signal {
        Signal::TERM
    }
}

/// Whether this process, and no other, listens on a port of 127.0.0.1. Before it
/// does, connections are refused; afterwards the kernel lets them wait.
fn listens(pid: u32, port: u16) -> bool {
    let address = format!("0100007F:{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let sockets: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // The fields are: number, local address, remote address, state, …
            let is_ours = fields.get(1) == Some(&&*address) && fields.get(3) == Some(&"0A");
            let inode = fields.get(9).filter(|_| is_ours)?;
            Some(format!("socket:[{inode}]").into())
        })
        .collect();
    let open = fs::read_dir(format!("/proc/{pid}/fd"));
    open.into_iter()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .any(|file| sockets.contains(&file))
}
