//! The server: this program again, on a core of its own, until its standard
//! input ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use axum::Router;
use tokio::sync::oneshot;

use super::load::{Limit, Load};
use super::{Protocol, http1};
use crate::child;
use crate::contenders::{dwell, floor, noop, session_guard, tower_sessions};
use crate::request::callgrind;
use crate::serve;
use crate::traffic::COOKIE;

/// What is served.
pub struct App {
    /// Its row.
    pub name: &'static str,
    make: fn() -> Router,
    has_sessions: bool,
}

/// Everything that is compared; the first is what the others are read over.
pub const APPS: [App; 5] = [
    App {
        name: "bare",
        make: noop::bare,
        has_sessions: false,
    },
    App {
        name: "floor",
        make: floor::router,
        has_sessions: true,
    },
    App {
        name: "dwell",
        make: dwell::full,
        has_sessions: true,
    },
    App {
        name: "tower-sessions-save",
        make: tower_sessions::saving,
        has_sessions: true,
    },
    App {
        name: "session-guard",
        make: session_guard::guard,
        has_sessions: true,
    },
];

fn app(name: &str) -> Result<&'static App, String> {
    let found = APPS.iter().find(|app| app.name == name);
    found.ok_or_else(|| format!("no application is named {name}"))
}

/// What the child process does: says where it listens, and serves.
pub fn child(name: &str, core: Option<usize>) -> Result<(), String> {
    let app = app(name)?;
    if let Some(id) = core {
        let pinned = core_affinity::set_for_current(core_affinity::CoreId { id });
        if !pinned {
            return Err(format!("the server can't be pinned to core {id}"));
        }
    }
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        // Ends with the parent, however the parent ends.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = stop.send(());
    });
    serve::until_stopped(name, app.make, stopped)
}

/// A running server.
pub struct Server {
    app: &'static App,
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts one on this core.
    pub fn start(name: &str, core: usize) -> Result<Self, String> {
        let mut command = child::command()?;
        command.args(["--child", "serve", name, &core.to_string()]);
        Self::spawn(name, command)
    }

    fn spawn(name: &str, mut command: Command) -> Result<Self, String> {
        let app = app(name)?;
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = piped.spawn().map_err(|e| format!("{name}: {e}"))?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            let read = BufReader::new(stdout).read_line(&mut line);
            read.map_err(|e| format!("{name}: {e}"))?;
        }
        match line.trim().parse() {
            Ok(address) => Ok(Self {
                app,
                process,
                address,
            }),
            Err(_) => {
                let _ = process.kill();
                let _ = process.wait();
                Err(format!("{name} did not say where it listens: {line:?}"))
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Logs in, from the address and the browser that the load will have, and
    /// makes sure that a request without the session is refused.
    pub fn log_in(&self) -> Result<Option<String>, String> {
        if !self.app.has_sessions {
            return Ok(Some(COOKIE.to_owned()));
        }
        let refused = self.ask("/", None)?;
        if refused.starts_with("HTTP/1.1 200") {
            return Err(format!("{} serves without a session", self.app.name));
        }
        let answer = self.ask("/login", None)?;
        let cookie = answer.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("set-cookie").then_some(value)?;
            value.split(';').next()
        });
        let cookie = cookie.ok_or_else(|| format!("no cookie in {answer:?}"))?;
        let served = self.ask("/", Some(cookie))?;
        match served.starts_with("HTTP/1.1 200") {
            true => Ok(Some(cookie.to_owned())),
            false => Err(format!("with a session: {served:?}")),
        }
    }

    /// One request on a connection of its own.
    fn ask(&self, path: &str, cookie: Option<&str>) -> Result<String, String> {
        let ask = || -> std::io::Result<String> {
            let mut socket = TcpStream::connect(self.address)?;
            socket.write_all(&http1::request(path, cookie))?;
            let mut answer = [0; 4_096];
            let read = socket.read(&mut answer)?;
            Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
        };
        ask().map_err(|e| format!("{} {path}: {e}", self.app.name))
    }

    /// How long its thread has run, in nanoseconds.
    pub fn cpu_nanos(&self) -> Result<u64, String> {
        let file = format!("/proc/{}/schedstat", self.process.id());
        let text = std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
        let nanos = text.split_whitespace().next().and_then(|n| n.parse().ok());
        nanos.ok_or_else(|| format!("{file} has no figures"))
    }

    /// Lets it end, and waits for that.
    pub fn stop(&mut self) -> Result<(), String> {
        drop(self.process.stdin.take());
        let ended = self.process.wait().map_err(|e| e.to_string())?;
        match ended.success() {
            true => Ok(()),
            false => Err(format!("{} ended with {ended}", self.app.name)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Does nothing to one that has been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Instructions of the server for one request, without SHA-256.
pub fn instructions(name: &str, protocol: Protocol) -> Result<f64, String> {
    const REQUESTS: usize = 300;
    let count = |requests: usize| {
        let file = callgrind::out_file();
        let mut command = callgrind::callgrind(&file);
        let program = std::env::current_exe().map_err(|e| e.to_string())?;
        command
            .arg(program)
            .args(["--child", "serve", name, "none"]);
        let mut server = Server::spawn(name, command)?;
        let cookie = server.log_in()?;
        let load = Load::one_by_one(server.address(), protocol, cookie.as_deref());
        load.send(Limit::Requests(requests))?;
        server.stop()?;
        callgrind::read(&file)
    };
    let (once, twice) = (count(REQUESTS)?, count(2 * REQUESTS)?);
    Ok(callgrind::per_request(once, twice, REQUESTS).without_sha)
}
