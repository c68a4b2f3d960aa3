//! What these tests share: a node, and a client that holds tokens.

use std::net::SocketAddr;

use axum::http::Method;
use dwell_axum::dwell_core::store::SessionStore;
use dwell_axum::dwell_memory::MemoryStore;
use dwell_axum::{Clock, ManualClock, hours, minutes};
use dwell_tests::{Answer, Browser};
use jwt_api::{Families, Limits, app};
use tokio::net::TcpListener;

pub(crate) const SECRET: &[u8] = b"a secret that only these tests know";

/// Serves the API over this store.
pub(crate) async fn serve(
    store: impl SessionStore,
    families: Families,
    clock: impl Clock,
) -> SocketAddr {
    let limits = Limits {
        idle: minutes(15),
        absolute: hours(8),
    };
    let app = app(store, families, SECRET, limits, clock).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Serves the API with everything in memory, by a clock that is moved by hand.
pub(crate) async fn node() -> (SocketAddr, ManualClock) {
    let clock = ManualClock::new();
    let store = MemoryStore::with_clock(clock.clone());
    let address = serve(store, Families::in_memory(), clock.clone()).await;
    (address, clock)
}

/// A program with the tokens of one login.
#[derive(Clone)]
pub(crate) struct Client {
    http: Browser,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Client {
    pub(crate) async fn log_in(address: SocketAddr, name: &str) -> Self {
        let http = Browser::new(address);
        let body = format!(r#"{{"name": "{name}", "password": "password"}}"#);
        let mut client = Self {
            http,
            access: String::new(),
            refresh: String::new(),
        };
        let answer = client.http.post("/login", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        client.keep(&answer);
        client
    }

    /// The same client at another node.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self {
            http: Browser::new(address),
            ..self.clone()
        }
    }

    fn keep(&mut self, answer: &Answer) {
        let tokens = answer.json();
        let token = |name| tokens[name].as_str().map(str::to_owned);
        self.access = token("access_token").expect("an access token");
        self.refresh = token("refresh_token").expect("a refresh token");
    }

    pub(crate) async fn send(&self, method: Method, path: &str, token: &str, body: &str) -> Answer {
        let request = self.http.script(method, path);
        let request = request.header("authorization", &format!("Bearer {token}"));
        // Bearer tokens carry no ambient authority.
        let request = request.header("sec-fetch-site", "cross-site");
        request.body("application/json", body).send().await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &self.access, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, &self.access, body).await
    }

    /// Refreshes the tokens, and keeps the new ones.
    pub(crate) async fn refresh(&mut self) -> Answer {
        let answer = self.send(Method::POST, "/refresh", &self.refresh, "").await;
        if answer.status == 200 {
            self.keep(&answer);
        }
        answer
    }

    /// Gives the second factor, and keeps the new token.
    pub(crate) async fn step_up(&mut self, code: &str) -> Answer {
        let answer = self
            .post("/step-up", &format!(r#"{{"code": "{code}"}}"#))
            .await;
        if answer.status == 200 {
            self.keep(&answer);
        }
        answer
    }
}

/// The status of an answer, or the reason of a refusal.
pub(crate) fn outcome(answer: &Answer) -> String {
    match answer.status.as_u16() {
        401 => answer.reason(),
        status => status.to_string(),
    }
}

/// The claims of a token, unchecked.
pub(crate) fn claims(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).expect("three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part);
    serde_json::from_slice(&bytes.expect("base64url")).expect("JSON")
}
