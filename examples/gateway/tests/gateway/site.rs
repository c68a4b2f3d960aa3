//! A gateway in front of a service.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use dwell_axum::{ManualClock, MemoryStore, SessionManager};
use dwell_test_support::Folder;
use dwell_tests::{Answer, Browser, Wire};
use gateway::{Config, Gateway};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::service;

pub(crate) const COOKIE: &str = "__Host-session";
pub(crate) const PASSWORD: &str = "correct horse";

/// Limits of fifteen minutes, and of five for administrators.
pub(crate) const POLICY: &str = r#"
[policy.default]
idle = "15m"
absolute = "8h"
reauthenticate = "5m"

[policy.admin]
idle = "5m"
absolute = "1h"
"#;

/// How long anything may take, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway that is served until this is dropped.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) clock: ManualClock,
    /// Where the browser finds it: itself, or a proxy in front.
    pub(crate) front: SocketAddr,
    _folder: Folder,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Site {
    /// Starts a gateway with these settings and routes in front of the service.
    pub(crate) async fn start(settings: &str) -> Self {
        Self::before(service::start().await, settings, POLICY).await
    }

    /// Starts a gateway in front of another service, under these policies.
    pub(crate) async fn before(upstream: SocketAddr, settings: &str, policy: &str) -> Self {
        let folder = Folder::new();
        let config = format!(
            "upstream = \"http://{upstream}\"\norigin = \"https://app.example\"\n\
             users = \"users.toml\"\n{settings}\n{policy}"
        );
        folder.write("users.toml", &users());
        let file = folder.write("gateway.toml", &config);
        let config = Config::read(Path::new(&file)).unwrap_or_else(|error| panic!("{error}"));
        let clock = ManualClock::new();
        let store = MemoryStore::with_clock(clock.clone());
        let sessions = SessionManager::builder(store, config.policies().clone()).build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let gateway = Gateway::new(&config, &sessions);
        let serving = tokio::spawn(gateway.serve(listener, async {
            let _dropped = stopped.await;
        }));
        Self {
            address,
            clock,
            front: address,
            _folder: folder,
            stop: Some(stop),
            serving,
        }
    }

    /// Opens a browser in which alice is newly signed in.
    pub(crate) async fn alice(&self) -> Browser {
        let browser = Browser::new(self.front);
        let answer = sign_in(&browser, "alice", PASSWORD).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        browser
    }

    /// Opens a connection and writes a request with the browser's cookie.
    pub(crate) async fn ask(&self, alice: &Browser, line: &str, fields: &str) -> Wire {
        let mut wire = Wire::open(self.front).await;
        let cookie = alice.cookie(COOKIE).expect("alice is signed in");
        let host = self.front;
        wire.say(&format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nCookie: {COOKIE}={cookie}\r\n{fields}\r\n"
        ))
        .await;
        wire
    }

    /// Opens a connection and writes a request of nobody.
    pub(crate) async fn ask_without_cookie(&self, line: &str) -> Wire {
        let mut wire = Wire::open(self.front).await;
        let host = self.front;
        wire.say(&format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        ))
        .await;
        wire
    }

    /// Stops the gateway in good order, and waits until it has stopped.
    pub(crate) async fn stopped(mut self) {
        drop(self.stop.take());
        within(&mut self.serving).await.unwrap();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The users file: alice, with a hash that takes no time.
pub(crate) fn users() -> String {
    let params = Params::new(8, 1, 1, None).unwrap();
    let quick = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = quick.hash_password(PASSWORD.as_bytes()).unwrap();
    format!("alice = \"{hash}\"\n")
}

pub(crate) async fn sign_in(browser: &Browser, user: &str, password: &str) -> Answer {
    let page = browser.visit("/session/login").await;
    let form = page.form("/session/login").with("username", user);
    browser.submit(&form.with("password", password)).await
}

/// What the service has seen of a request.
pub(crate) struct Seen(pub(crate) Value);

impl Seen {
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        Self(answer.json())
    }

    /// Returns the values of a field, joined; `none` without it.
    pub(crate) fn header(&self, name: &str) -> String {
        let values = self.0["headers"][name].as_array();
        let texts = values.map(|values| values.iter().map(|value| value.as_str().unwrap()));
        texts.map_or("none".to_owned(), |texts| {
            texts.collect::<Vec<_>>().join(" | ")
        })
    }
}

pub(crate) async fn within<T>(event: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, event).await;
    done.expect("it happens in time")
}
