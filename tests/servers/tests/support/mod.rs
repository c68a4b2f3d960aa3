//! What several test files share: plain connections, and what remains of a
//! server.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dwell_servers::Server;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long silence must last.
const SILENCE: Duration = Duration::from_millis(200);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(20);

pub(crate) type Connection = BufReader<TcpStream>;

pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

pub(crate) async fn connect(port: u16) -> Connection {
    BufReader::new(TcpStream::connect(loopback(port)).await.unwrap())
}

pub(crate) async fn send(connection: &mut Connection, sent: impl AsRef<[u8]>) {
    connection.write_all(sent.as_ref()).await.unwrap();
}

/// Reads the next line, without its end.
pub(crate) async fn line(connection: &mut Connection) -> String {
    let mut line = String::new();
    let read = timeout(ANSWER, connection.read_line(&mut line)).await;
    read.unwrap().unwrap();
    line.trim_end().to_owned()
}

/// Reads the next byte; `None` at the end of the connection.
pub(crate) async fn byte(connection: &mut Connection) -> io::Result<Option<u8>> {
    let mut byte = [0];
    let read = timeout(ANSWER, connection.read(&mut byte)).await.unwrap();
    read.map(|length| (length == 1).then_some(byte[0]))
}

/// Whether nothing arrives, not even the end.
pub(crate) async fn is_silent(connection: &mut Connection) -> bool {
    timeout(SILENCE, connection.fill_buf()).await.is_err()
}

pub(crate) async fn ping(connection: &mut Connection) -> String {
    send(connection, "PING\r\n").await;
    line(connection).await
}

/// Sets a key and waits for replicas. Returns how many have it.
pub(crate) async fn set_on_replicas(port: u16, key: &str, value: &str) -> String {
    let mut connection = connect(port).await;
    send(&mut connection, format!("SET {key} {value}\r\n")).await;
    assert_eq!(line(&mut connection).await, "+OK");
    // `WAIT` covers what this connection has written.
    send(&mut connection, "WAIT 1 5000\r\n").await;
    line(&mut connection).await
}

pub(crate) async fn answers_ping(port: u16) -> bool {
    ping(&mut connect(port).await).await == "+PONG"
}

pub(crate) async fn accepts(port: u16) -> bool {
    TcpStream::connect(loopback(port)).await.is_ok()
}

/// What a server may leave behind.
#[derive(Debug)]
pub(crate) struct Remains {
    pids: Vec<u32>,
    folder: PathBuf,
}

impl Remains {
    pub(crate) fn of(server: &Server) -> Self {
        Self::of_process(server.pid(), server.folder().to_owned())
    }

    pub(crate) fn of_process(pid: u32, folder: PathBuf) -> Self {
        let mut pids = vec![pid];
        pids.extend(children(pid));
        Self { pids, folder }
    }

    /// Removes what a killed process left: the folder, and Postgres's shared
    /// memory.
    pub(crate) fn remove(&self) {
        if let Some(id) = shared_memory(&self.folder) {
            let removed = Command::new("ipcrm").args(["-m", &id]).status();
            assert!(removed.unwrap().success());
        }
        std::fs::remove_dir_all(&self.folder).unwrap();
    }

    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// Whether one of the processes runs. A zombie does not count.
    pub(crate) fn process(&self) -> bool {
        self.pids.iter().any(|pid| is_alive(*pid))
    }

    pub(crate) fn folder(&self) -> bool {
        Path::exists(&self.folder)
    }
}

/// Returns the id of a Postgres's shared memory, until the server ends in
/// order.
pub(crate) fn shared_memory(folder: &Path) -> Option<String> {
    let file = std::fs::read_to_string(folder.join("data/postmaster.pid")).ok()?;
    let line = file.lines().nth(6).unwrap();
    Some(line.split_whitespace().nth(1).unwrap().to_owned())
}

/// Returns the fields of `/proc/PID/stat` after the name: state, parent, and
/// more.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

pub(crate) fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|fields| fields[0] != "Z" && fields[0] != "X")
}

fn children(parent: u32) -> Vec<u32> {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .filter(|pid| stat(*pid).is_some_and(|fields| fields[1] == parent.to_string()))
        .collect()
}
