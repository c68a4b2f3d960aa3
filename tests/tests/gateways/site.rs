//! An application behind a gateway.

use std::net::SocketAddr;

use dwell_servers::{Gateway, GatewayKind};
use dwell_tests::{Browser, Wire};

use crate::app::{App, Setup};

pub(crate) const COOKIE: &str = "__Host-session";

/// An application and the gateway in front of it.
pub(crate) struct Site {
    pub(crate) app: App,
    gateway: Gateway,
}

impl Site {
    /// Starts an application behind a gateway with this configuration, in which the
    /// gateway listens and finds the application where the page has them.
    pub(crate) async fn start(kind: GatewayKind, config: &str) -> Self {
        Self::with(kind, config, |stack| stack).await
    }

    /// Starts an application with this setup.
    pub(crate) async fn with(kind: GatewayKind, config: &str, setup: Setup) -> Self {
        let app = App::start(setup).await;
        let config = config.replace("127.0.0.1:3000", &app.address.to_string());
        let gateway = Gateway::start(kind, move |port| at(kind, &config, port)).await;
        let gateway = gateway.unwrap();
        Self { app, gateway }
    }

    /// Returns the gateway's address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// Opens a browser in which alice is newly signed in.
    pub(crate) async fn alice(&self) -> Browser {
        let browser = Browser::new(self.address());
        let answer = browser.post("/login", "").await;
        assert_eq!(answer.status, 303, "{}: {answer:?}", self.gateway.log());
        browser
    }

    /// Ends the browser's session, past the gateway.
    pub(crate) async fn sign_out(&self, browser: &Browser) {
        let elsewhere = Browser::with_jar(self.app.address, browser.jar());
        let answer = elsewhere.post("/session/end", "").await;
        assert_eq!(answer.status, 204);
    }

    /// Opens a connection to the gateway and writes the head of a request with the
    /// browser's cookie and these header fields.
    pub(crate) async fn ask(&self, alice: &Browser, line: &str, fields: &str) -> Wire {
        let mut wire = Wire::open(self.address()).await;
        wire.say(&self.head(alice, line, fields)).await;
        wire
    }

    /// Returns the head of a request.
    pub(crate) fn head(&self, alice: &Browser, line: &str, fields: &str) -> String {
        let cookie = alice.cookie(COOKIE).expect("alice is signed in");
        let host = self.address();
        format!("{line} HTTP/1.1\r\nHost: {host}\r\nCookie: {COOKIE}={cookie}\r\n{fields}\r\n")
    }
}

/// Lets the gateway listen on this port instead of 80.
fn at(kind: GatewayKind, config: &str, port: u16) -> String {
    let (listen, here) = match kind {
        GatewayKind::Caddy => ("bank.example {", format!("http://:{port} {{")),
        GatewayKind::HaProxy => ("bind :80", format!("bind 127.0.0.1:{port}")),
        GatewayKind::Nginx => ("listen 80;", format!("listen 127.0.0.1:{port};")),
    };
    assert!(config.contains(listen), "{config}");
    config.replace(listen, &here)
}
