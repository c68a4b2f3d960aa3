//! An example as a child process, which ends with its handle.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use dwell_tests::{Answer, Browser};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long until a page is asked for again.
const STEP: Duration = Duration::from_millis(50);

/// Starts the example of this name on a free port.
macro_rules! start {
    ($name:literal $(, $argument:expr)* $(; $key:literal = $value:expr)?) => {
        $crate::program::Program::start(
            env!(concat!("CARGO_BIN_EXE_", $name)),
            &[$($argument.as_ref()),*] as &[&str],
            &[$(($key, $value.as_ref()))?] as &[(&str, &str)],
        )
    };
}
pub(crate) use start;

/// A running example. It is killed when this is dropped.
pub(crate) struct Program {
    _child: Child,
    address: SocketAddr,
}

impl Program {
    pub(crate) async fn start(file: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(file)
            .args(args)
            .env("PORT", "0")
            .envs(env.iter().copied())
            // Where README.md says that it is started.
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = within(lines.next_line()).await.unwrap();
        let line = line.expect("it says where it listens");
        let port = line.strip_prefix("http://localhost:").unwrap();
        Self {
            _child: child,
            address: SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// A browser in which Alice has signed in.
    pub(crate) async fn alice(&self) -> Browser {
        let browser = self.browser();
        sign_in(&browser).await;
        browser
    }
}

/// Signs in by the form on the login page.
pub(crate) async fn sign_in(browser: &Browser) {
    let page = browser.visit("/login").await;
    let answer = browser.submit(&page.form("/login")).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, "/"));
}

/// The minutes until the idle and the absolute deadline. Rounded up, for real
/// time passes.
pub(crate) fn minutes_left(answer: &Answer) -> (u64, u64) {
    let left = answer.time_left().expect("a live session");
    (left.idle.div_ceil(60), left.absolute.div_ceil(60))
}

/// Asks for a page, in a way that does not count, until it is refused.
pub(crate) async fn refused(browser: &Browser, path: &str) -> Answer {
    let mut steps = tokio::time::interval(STEP);
    within(async {
        loop {
            steps.tick().await;
            let request = browser.script(http::Method::GET, path);
            let answer = request.header("session-activity", "passive").send().await;
            if answer.status == 401 {
                return answer;
            }
            assert_eq!(answer.status, 200);
        }
    })
    .await
}

/// Waits for an event, with a bound.
pub(crate) async fn within<T>(event: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, event).await;
    done.expect("it happens in time")
}
