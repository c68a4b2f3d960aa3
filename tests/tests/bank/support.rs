//! The bank on a socket, with a manual clock and its built-in policy.

use std::net::SocketAddr;
use std::time::Duration;

use bank::{Bank, PASSWORD};
use dwell_axum::store::SessionStore;
use dwell_axum::{
    Clock, Event, LivePolicies, ManualClock, MemoryStore, SessionManager, Timestamp, as_millis,
    minutes, seconds,
};
use dwell_testkit::Recorder;
use dwell_tests::{Answer, Browser, Form, TimeLeft};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// The values of bank.toml, repeated here so that a change of the file is noticed.
pub(crate) const IDLE: Duration = seconds(60);
pub(crate) const ABSOLUTE: Duration = minutes(10);
pub(crate) const REAUTHENTICATE: Duration = minutes(2);
pub(crate) const ADMIN_IDLE: Duration = seconds(30);
pub(crate) const ADMIN_ABSOLUTE: Duration = minutes(5);

/// How often the page polls for messages.
pub(crate) const POLL: Duration = seconds(2);

/// The smallest step of time, for the instant right before a deadline.
pub(crate) const MOMENT: Duration = Duration::from_millis(1);

pub(crate) const COOKIE: &str = "__Host-session";

/// How long a background event may take before a test gives up.
const PATIENCE: Duration = seconds(60);

/// A bank that is served until this is dropped.
pub(crate) struct Served {
    pub(crate) clock: ManualClock,
    pub(crate) address: SocketAddr,
    pub(crate) events: Recorder,
    pub(crate) policies: LivePolicies,
    told: mpsc::UnboundedReceiver<Event>,
    /// The bank stops when this is dropped.
    _stop: oneshot::Sender<()>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::with_store(|store| store).await
    }

    /// Starts the bank with the store that `wrap` makes from a `MemoryStore`.
    pub(crate) async fn with_store<S: SessionStore>(wrap: impl FnOnce(MemoryStore) -> S) -> Self {
        let (clock, events) = (ManualClock::new(), Recorder::new());
        let (tell, told) = mpsc::unbounded_channel();
        let store = wrap(MemoryStore::with_clock(clock.clone()));
        let sessions = SessionManager::builder(store, bank::built_in_policies().unwrap())
            .observer(events.clone())
            .observer(move |event: &Event| {
                let _ = tell.send(event.clone());
            })
            .build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let bank = Bank::new(&sessions);
        let stopped = async {
            let _ = stopped.await;
        };
        tokio::spawn(bank.serve(listener, stopped));
        Self {
            clock,
            address,
            events,
            policies: sessions.policies().clone(),
            told,
            _stop: stop,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// Opens a browser in which `user` is newly signed in.
    pub(crate) async fn signed_in(&self, user: &str) -> Browser {
        let browser = self.browser();
        let answer = sign_in(&browser, user).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/"));
        browser
    }

    /// Lets time pass while the user clicks every 20 seconds, the last time at the
    /// end.
    pub(crate) async fn pass_active(&self, browser: &Browser, time: Duration) {
        let end = self.now() + time;
        while self.now() < end {
            self.clock.advance(seconds(20).min(end - self.now()));
            let answer = browser.fetch("/api/balance").await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
        }
    }

    /// Waits for the next background event that matches.
    pub(crate) async fn wait_for(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let next = async {
            loop {
                let event = self.told.recv().await.unwrap();
                if wanted(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.unwrap()
    }
}

/// Lets other tasks run until this holds.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

/// Fills in the form of the login page.
pub(crate) async fn sign_in(browser: &Browser, user: &str) -> Answer {
    let page = browser.visit("/login").await;
    browser.submit(&filled(&page, user)).await
}

/// Returns the login form on this page, filled in.
pub(crate) fn filled(page: &Answer, user: &str) -> Form {
    let form = page.form("/login");
    form.with("username", user).with("password", PASSWORD)
}

/// Fills in the form of a page that asks for the password again.
pub(crate) async fn confirm(browser: &Browser, page: &Answer) -> Answer {
    let form = page.form("/reauth").with("password", PASSWORD);
    browser.submit(&form).await
}

pub(crate) fn transfer_of(euros: &str) -> String {
    format!(r#"{{"to":"bob","amount":"{euros}"}}"#)
}

/// Returns an account's balance in cents, by a passive request.
pub(crate) async fn cents(browser: &Browser) -> u64 {
    let request = browser.script(http::Method::GET, "/api/balance");
    let answer = request.header("session-activity", "passive").send().await;
    answer.json()["cents"].as_u64().unwrap()
}

/// Returns the time left, which every answer to a live session must carry.
pub(crate) fn left(answer: &Answer) -> TimeLeft {
    let left = answer.time_left();
    left.unwrap_or_else(|| panic!("{} {}: no time left", answer.path, answer.status))
}

/// Returns the whole seconds until the idle deadline.
pub(crate) fn idle_left(answer: &Answer) -> Duration {
    seconds(left(answer).idle)
}

/// Returns whether an answer removes the session cookie.
pub(crate) fn removes_cookie(answer: &Answer) -> bool {
    let mut lines = answer.set_cookies().into_iter();
    lines.any(|line| line.starts_with(&format!("{COOKIE}=;")) && line.contains("Max-Age=0"))
}

/// Asserts that an answer refuses a program for this reason.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, reason: &str) {
    assert_eq!(answer.status, 401, "{}: {:?}", answer.path, answer.body);
    assert_eq!(answer.reason(), reason);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer "), "{challenge:?}");
}

/// Asserts that an answer redirects to this page, with this reason and this
/// `return_to`.
#[track_caller]
pub(crate) fn assert_sent(answer: &Answer, page: &str, reason: &str, return_to: &str) {
    assert_eq!(answer.status, 303, "{}: {:?}", answer.path, answer.body);
    let return_to = return_to.replace('/', "%2F");
    let location = format!("{page}?reason={reason}&return_to={return_to}");
    assert_eq!(answer.location(), location);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// Whole seconds of a duration.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    as_millis(duration) / 1_000
}
