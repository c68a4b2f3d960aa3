//! The application on a port, over given stores.

use std::net::SocketAddr;

use dwell_axum::store::SessionStore;
use dwell_axum::{ManualClock, MemoryStore, PolicySet, SessionManager, Timeouts, hours, minutes};
use dwell_example_axum_login::web::App;
use dwell_testkit::Recorder;
use dwell_tests::{Answer, Browser, Wire};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The store of tower-sessions. Clones share it.
pub(crate) type Theirs = tower_sessions::MemoryStore;

/// A running node. It stops when it is dropped.
pub(crate) struct Node {
    server: JoinHandle<()>,
    address: SocketAddr,
    pub(crate) sessions: SessionManager,
    pub(crate) events: Recorder,
}

impl Node {
    /// Starts a node over these stores.
    pub(crate) async fn over(theirs: &Theirs, store: impl SessionStore) -> Self {
        let limits = Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        };
        let events = Recorder::new();
        let sessions = SessionManager::builder(store, PolicySet::simple(limits).unwrap())
            .observer(events.clone())
            .build();
        let app = App::over(theirs.clone(), sessions.clone()).router();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async move { axum::serve(listener, app).await.unwrap() };
        Self {
            server: tokio::spawn(serve),
            address,
            sessions,
            events,
        }
    }

    /// Starts a node over new stores in memory.
    pub(crate) async fn start() -> (Self, ManualClock) {
        let clock = ManualClock::new();
        let store = MemoryStore::with_clock(clock.clone());
        (Self::over(&Theirs::default(), store).await, clock)
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// A tab of a browser that has been at another node.
    pub(crate) fn tab_of(&self, browser: &Browser) -> Browser {
        Browser::with_jar(self.address, browser.jar())
    }

    /// Opens the browser's event stream, on a connection that closes with it.
    pub(crate) async fn stream(&self, browser: &Browser) -> Wire {
        let id = browser.cookie("id").unwrap();
        let mut wire = Wire::open(self.address).await;
        wire.say(&format!(
            "GET /session/events HTTP/1.1\r\nhost: {}\r\ncookie: id={id}\r\nconnection: close\r\n\r\n",
            self.address
        ))
        .await;
        wire
    }

    /// A browser in which alice has signed in.
    pub(crate) async fn alice(&self) -> Browser {
        let browser = self.browser();
        sign_in(&browser, "alice").await;
        browser
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Signs in by the form on the login page.
pub(crate) async fn sign_in(browser: &Browser, name: &str) {
    let page = browser.visit("/login").await;
    let form = page.form("/login").with("username", name);
    let answer = browser.submit(&form.with("password", "secret")).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, "/"));
    assert_eq!(browser.visit("/").await.text(), format!("Hello {name}"));
}

/// Asserts that a page leads to the login for this reason, without going in circles.
pub(crate) async fn led_to_login(browser: &Browser, reason: &str) {
    let answer = browser.visit("/").await;
    assert_eq!(
        answer.location(),
        format!("/login?reason={reason}&return_to=%2F")
    );
    let page = browser.follow(answer).await;
    assert!(page.text().contains("password"), "{}", page.text());
}

/// Enters the password again.
pub(crate) async fn again(browser: &Browser, password: &str) -> Answer {
    let form = browser.visit("/again").await.form("/again");
    let form = form.with("username", "alice").with("password", password);
    browser.submit(&form).await
}
