//! The clients: one process that logs in, opens all streams, and sees when
//! each has ended.

use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::PER_SESSION;
use super::process::Process;
use super::server::{Server, pin};
use crate::child;
use crate::contender::runtime;
use crate::stats::percentile;
use crate::traffic::COOKIE;

/// How many connections are opened at a time: less than a server lets wait.
const AT_A_TIME: usize = 128;

/// How many milliseconds the store's clock may be ahead of ours: it is read in
/// ticks, and keeps the largest distance that it has seen.
const TICK: u64 = 50;

/// How the chunked body of an answer ends.
const LAST_CHUNK: &str = "0\r\n\r\n";

/// When streams ended, in microseconds after their deadline.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The first one; it may not be before.
    pub first: f64,
    /// Half of them.
    pub median: f64,
    /// 99 % of them.
    pub most: f64,
    /// The last one.
    pub last: f64,
}

/// The clients' process, as its parent sees it.
pub struct Clients {
    process: Process,
}

impl Clients {
    /// Logs in: sessions that end so long from now, where that is stated.
    pub fn start(
        server: &Server,
        core: usize,
        files: usize,
        streams: usize,
        until: Option<Duration>,
    ) -> Result<Self, String> {
        let sessions = match server.app.has_sessions {
            true => streams / PER_SESSION,
            false => 0,
        };
        let until = match until {
            Some(time) => now().0 + u64::try_from(time.as_millis()).unwrap_or(0),
            None => 0,
        };
        let mut command = child::command()?;
        command.args(["--child", "open", &server.address.to_string()]);
        command.arg(server.app.path);
        let figures = [core, streams, sessions].map(|figure| figure.to_string());
        command.args(figures).arg(until.to_string());
        let mut process = Process::start("the clients", &command, files)?;
        said(&process.answer()?, "ready")?;
        Ok(Self { process })
    }

    /// Opens all streams.
    pub fn open(&mut self) -> Result<(), String> {
        self.process.tell()?;
        said(&self.process.answer()?, "open")
    }

    /// Waits until all have ended.
    pub fn ended(&mut self) -> Result<Ended, String> {
        let line = self.process.answer()?;
        let figures: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
        self.process.stop()?;
        match figures.as_deref() {
            Ok([first, median, most, last]) => Ok(Ended {
                first: *first,
                median: *median,
                most: *most,
                last: *last,
            }),
            _ => Err(format!("not figures: {line:?}")),
        }
    }

    /// Closes all streams.
    pub fn leave(&mut self) -> Result<(), String> {
        self.process.stop()
    }
}

fn said(line: &str, expected: &str) -> Result<(), String> {
    match line == expected {
        true => Ok(()),
        false => Err(format!("{line:?} instead of {expected:?}")),
    }
}

/// What the child process is to do.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// Whom to ask.
    pub server: SocketAddr,
    /// For what.
    pub path: &'a str,
    /// On which core to run.
    pub core: &'a str,
    /// How often.
    pub streams: usize,
    /// In how many sessions; none where there are none.
    pub sessions: usize,
    /// When they end, in milliseconds; 0 where they do not.
    pub until: u64,
}

/// What the child process does.
pub fn child(work: Work) -> Result<(), String> {
    pin(work.core)?;
    let cookies = log_in(&work).map_err(|e| format!("login: {e}"))?;
    println!("ready");
    if !is_told() {
        return Ok(());
    }
    runtime().block_on(async {
        let mut streams = open(&work, &cookies).await?;
        if work.until > 0 && now().0 >= work.until {
            return Err("the deadline came before all streams were open".to_owned());
        }
        println!("open");
        if work.until == 0 {
            // They stay open until the parent has seen enough.
            let waited = tokio::task::spawn_blocking(is_told).await;
            return waited.map(|_| ()).map_err(|e| e.to_string());
        }
        let mut late = Vec::with_capacity(work.streams);
        while let Some(ended) = streams.join_next().await {
            late.push(ended.map_err(|e| e.to_string())??);
        }
        late.sort_unstable();
        let first = late.first().copied().unwrap_or_default();
        let last = late.last().copied().unwrap_or_default();
        let (median, most) = (percentile(&late, 500), percentile(&late, 990));
        println!("{first} {median} {most} {last}");
        Ok(())
    })
}

/// Waits for the next line; `false` where the parent is gone or done.
fn is_told() -> bool {
    let read = io::stdin().lock().read_line(&mut String::new());
    read.is_ok_and(|read| read > 0)
}

/// The cookies of as many sessions as there are to be, started one after the
/// other on one connection.
fn log_in(work: &Work) -> io::Result<Vec<String>> {
    if work.sessions == 0 {
        return Ok(vec![COOKIE.to_owned()]);
    }
    let mut socket = TcpStream::connect(work.server)?;
    let query = match work.until {
        0 => String::new(),
        until => format!("?{until}"),
    };
    let mut cookies = Vec::with_capacity(work.sessions);
    for _ in 0..work.sessions {
        socket.write_all(request(&format!("/login{query}"), "").as_bytes())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut some = [0; 1_024];
            let read = socket.read(&mut some)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend(&some[..read]);
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        cookies.push(cookie_of(&answer).ok_or_else(|| io::Error::other(answer))?);
    }
    Ok(cookies)
}

fn request(path: &str, cookie: &str) -> String {
    let cookie = match cookie {
        "" => String::new(),
        cookie => format!("cookie: {cookie}\r\n"),
    };
    format!(
        "GET {path} HTTP/1.1\r\nhost: bank.example\r\n\
         user-agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
         sec-fetch-site: same-origin\r\n{cookie}\r\n"
    )
}

fn cookie_of(answer: &str) -> Option<String> {
    if !answer.starts_with("HTTP/1.1 200") {
        return None;
    }
    answer.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("set-cookie").then_some(value)?;
        value.split(';').next().map(str::to_owned)
    })
}

/// Streams that are open, each of which tells how many microseconds after the
/// deadline it has ended.
type Streams = JoinSet<Result<u64, String>>;

/// Opens all streams and waits until each is there.
async fn open(work: &Work<'_>, cookies: &[String]) -> Result<Streams, String> {
    let mut streams = Streams::new();
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    for n in 0..work.streams {
        let place = Arc::clone(&places).acquire_owned().await;
        let place = place.map_err(|e| e.to_string())?;
        let request = request(work.path, &cookies[n % cookies.len()]);
        let (server, until) = (work.server, work.until);
        streams.spawn(async move {
            let mut stream = Stream::open(server, &request).await?;
            drop(place);
            stream.read_to_end(until).await
        });
        // One that has ended already has failed.
        if let Some(ended) = streams.try_join_next() {
            return Err(format!("a stream did not stay open: {ended:?}"));
        }
    }
    let all = u32::try_from(AT_A_TIME).unwrap_or(u32::MAX);
    let all = places.acquire_many(all).await;
    all.map_err(|e| e.to_string())?.forget();
    match streams.try_join_next() {
        Some(ended) => Err(format!("a stream did not stay open: {ended:?}")),
        None => Ok(streams),
    }
}

struct Stream {
    socket: tokio::net::TcpStream,
    text: String,
}

impl Stream {
    /// Opens one and waits for its first event.
    async fn open(server: SocketAddr, request: &str) -> Result<Self, String> {
        let socket = tokio::net::TcpStream::connect(server).await;
        let socket = socket.map_err(|e| format!("connecting: {e}"))?;
        let text = String::new();
        let mut stream = Self { socket, text };
        let sent = stream.socket.write_all(request.as_bytes()).await;
        sent.map_err(|e| format!("asking: {e}"))?;
        while !has_event(&stream.text) {
            stream.read().await?;
        }
        match stream.text.starts_with("HTTP/1.1 200") {
            true => Ok(stream),
            false => Err(stream.text),
        }
    }

    /// Reads to the end, which must be one last event with the reason.
    async fn read_to_end(&mut self, until: u64) -> Result<u64, String> {
        self.text.clear();
        while !self.text.ends_with(LAST_CHUNK) {
            self.read().await?;
        }
        let (millis, micros) = now();
        let last = "event: session-expired\ndata: {\"reason\":\"idp_session_expired\"}\n\n";
        if self.text.matches("event: session-expired").count() != 1 || !self.text.contains(last) {
            return Err(format!("no last event: {:?}", self.text));
        }
        if millis + TICK < until {
            let early = until - millis;
            return Err(format!("it ended {early} ms before its deadline"));
        }
        let late = millis.checked_sub(until);
        Ok(late.map_or(0, |late| late * 1_000 + micros))
    }

    async fn read(&mut self) -> Result<(), String> {
        let mut some = [0; 1_024];
        let read = self.socket.read(&mut some).await;
        match read.map_err(|e| format!("reading: {e}"))? {
            0 => Err(format!("it broke off after {:?}", self.text)),
            read => {
                self.text += &String::from_utf8_lossy(&some[..read]);
                Ok(())
            }
        }
    }
}

fn has_event(text: &str) -> bool {
    text.split_once("\r\n\r\n")
        .is_some_and(|(head, body)| !head.starts_with("HTTP/1.1 200") || body.contains("\n\n"))
}

/// The machine's clock, in milliseconds and microseconds of the next one.
fn now() -> (u64, u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = now.map_or(0, |now| now.as_micros());
    let micros = u64::try_from(micros).unwrap_or(u64::MAX);
    (micros / 1_000, micros % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_open_with_its_first_event() {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        assert!(!has_event(head));
        assert!(!has_event(&format!("{head}c\r\nevent: hello\n")));
        assert!(has_event(&format!(
            "{head}1a\r\nevent: hello\ndata: -\n\n\r\n"
        )));
        // A refusal is not waited for any longer.
        assert!(has_event("HTTP/1.1 401 Unauthorized\r\n\r\n"));
    }

    #[test]
    fn only_a_login_has_a_cookie() {
        let answer = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Secure\r\n\r\n";
        assert_eq!(cookie_of(answer).as_deref(), Some("a=b"));
        assert_eq!(
            cookie_of("HTTP/1.1 500 No\r\nset-cookie: a=b\r\n\r\n"),
            None
        );
    }
}
