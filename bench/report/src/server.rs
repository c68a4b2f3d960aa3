//! A server of one thread: this program again, on a core of its own, until its
//! standard input ends.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::serve::ListenerExt;
use core_affinity::CoreId;
use dwell_bench::app::runtime;
use dwell_bench::row::find;
use dwell_bench::traffic::COOKIE;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::child::{number, program};
use crate::open::apps::apps;
use crate::{http1, rows};

/// What the child process does: says where it listens, and serves.
pub fn child(name: &str, core: &str) -> Result<(), String> {
    pin(CoreId { id: number(core)? })?;
    let make = match apps().into_iter().find(|app| app.0 == name) {
        Some((_, make)) => make,
        None => find(&rows::all(), name)?.make,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        // Ends with the parent, however the parent ends.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = stop.send(());
    });
    let served = runtime().block_on(serve(make, stopped));
    served.map_err(|error| format!("{name}: {error}"))
}

async fn serve(make: fn() -> Router, stopped: oneshot::Receiver<()>) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|socket| {
        let _ = socket.set_nodelay(true);
    });
    let service = make().into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        served = axum::serve(listener, service) => served,
        _ = stopped => Ok(()),
    }
}

/// Pins this thread to a core.
pub fn pin(core: CoreId) -> Result<(), String> {
    match core_affinity::set_for_current(core) {
        true => Ok(()),
        false => Err(format!("can't be pinned to core {}", core.id)),
    }
}

/// A core for a server, and one for its clients.
pub fn cores() -> Result<[CoreId; 2], String> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let two = cores.first_chunk::<2>().copied();
    two.ok_or_else(|| "it takes a core for the server and one for its clients".to_owned())
}

/// A running server.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts one on this core.
    pub fn start(name: &str, core: CoreId) -> Result<Self, String> {
        let mut command = Command::new(program()?);
        command.args(["--child", "serve", name, &core.id.to_string()]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = piped.spawn().map_err(|e| format!("{name}: {e}"))?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            let read = BufReader::new(stdout).read_line(&mut line);
            read.map_err(|e| format!("{name}: {e}"))?;
        }
        let address = number(line.trim());
        let server = address.map(|address| Self { process, address });
        server.map_err(|error| format!("{name} did not say where it listens: {error}"))
    }

    /// Logs in at `/login?query` over one connection, as often as said.
    pub fn log_in(&self, times: usize, query: &str) -> Result<Vec<String>, String> {
        let cookies = http1::log_in(self.address, times, query);
        cookies.map_err(|e| format!("login: {e}"))
    }

    /// A session's cookie; of an application without sessions, any.
    pub fn cookie(&self, has_sessions: bool) -> Result<String, String> {
        match has_sessions {
            true => Ok(self.log_in(1, "subject1")?.remove(0)),
            false => Ok(COOKIE.to_owned()),
        }
    }

    /// How long its thread has run, in nanoseconds.
    pub fn cpu_nanos(&self) -> Result<f64, String> {
        proc(self.process.id(), "schedstat", 0)
    }

    /// Bytes of its memory that are resident.
    pub fn resident(&self) -> Result<f64, String> {
        resident(self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Bytes of a process's memory that are resident.
pub fn resident(process: u32) -> Result<f64, String> {
    const PAGE: f64 = 4_096.0;
    Ok(PAGE * proc(process, "statm", 1)?)
}

/// A figure of what the system tells of a process.
fn proc(process: u32, file: &str, word: usize) -> Result<f64, String> {
    let file = format!("/proc/{process}/{file}");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
    let word = text.split_whitespace().nth(word);
    number(word.unwrap_or_default()).map_err(|error| format!("{file}: {error}"))
}
