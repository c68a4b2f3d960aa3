//! The command as a child process, which is killed when its value is dropped.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use dwell_tests::{Answer, Browser};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

pub(crate) use dwell_test_support::{COOKIE, Folder};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A policy short enough to wait for.
pub(crate) const SHORT: &str = "[policy.default]\nidle = \"1s\"\nabsolute = \"1m\"\n";

/// A running bank. It is killed when this is dropped.
pub(crate) struct Bank {
    child: Child,
    pub(crate) out: Stream<ChildStdout>,
    pub(crate) log: Stream<ChildStderr>,
    pub(crate) address: SocketAddr,
}

impl Bank {
    /// Starts the bank on a free port, with these flags.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, &[]).await
    }

    pub(crate) async fn start_with(flags: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = command(flags)
            .args(["--listen", "127.0.0.1:0"])
            .envs(env.iter().copied())
            .spawn()
            .unwrap();
        let mut out = Stream::new(child.stdout.take().unwrap());
        let log = Stream::new(child.stderr.take().unwrap());
        let first = out.next().await.unwrap();
        let address = first.strip_prefix("listening on http://").unwrap();
        Self {
            child,
            out,
            log,
            address: address.parse().unwrap(),
        }
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    pub(crate) async fn signed_in(&self, user: &str) -> Browser {
        let browser = self.browser();
        assert_eq!(sign_in(&browser, user).await.status, 303);
        browser
    }

    /// Sends the process a signal.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let kill = ["-c", "kill -s \"$1\" \"$2\"", "kill", name, pid.as_str()];
        let sent = Command::new("sh").args(kill).status().await;
        assert!(sent.unwrap().success());
    }

    /// Waits for the process's end. Returns its exit code and the rest of its log.
    pub(crate) async fn ended(mut self) -> (Option<i32>, String) {
        let status = within(self.child.wait()).await.unwrap();
        (status.code(), self.log.rest().await)
    }
}

/// Runs the command to its end, with exactly these flags.
pub(crate) async fn run(flags: &[&str]) -> Output {
    within(command(flags).output()).await.unwrap()
}

fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank"));
    command
        .args(flags)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) async fn sign_in(browser: &Browser, user: &str) -> Answer {
    let page = browser.visit("/login").await;
    let form = page.form("/login").with("username", user);
    browser.submit(&form.with("password", bank::PASSWORD)).await
}

async fn within<T>(event: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, event).await;
    done.expect("it happens in time")
}

/// The output of a child process, line by line.
pub(crate) struct Stream<R>(Lines<BufReader<R>>);

impl<R: AsyncRead + Unpin> Stream<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self(BufReader::new(reader).lines())
    }

    /// Returns the next line; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<String> {
        within(self.0.next_line()).await.unwrap()
    }

    /// Returns the next line that contains these words.
    pub(crate) async fn find(&mut self, words: &str) -> String {
        loop {
            let line = self.next().await;
            let line = line.unwrap_or_else(|| panic!("ended without {words:?}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        while let Some(line) = self.next().await {
            rest += &line;
            rest.push('\n');
        }
        rest
    }
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}
