//! Gateways: private, in front of a server of ours, and gone when dropped.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::net::SocketAddr;

use dwell_servers::{Error, Gateway, GatewayKind};
use support::{accepts, connect, line, send};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const KINDS: [GatewayKind; 3] = [GatewayKind::Caddy, GatewayKind::HaProxy, GatewayKind::Nginx];

/// A configuration that passes everything on to `to`.
fn passing_on(kind: GatewayKind, port: u16, to: SocketAddr) -> String {
    match kind {
        GatewayKind::Caddy => format!("http://:{port} {{\n reverse_proxy {to}\n}}"),
        GatewayKind::HaProxy => format!(
            "listen web\n mode http\n timeout client 5s\n timeout connect 5s\n timeout server 5s\n\
             \x20bind 127.0.0.1:{port}\n server app {to}"
        ),
        GatewayKind::Nginx => format!(
            "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{to}; }} }}"
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_passes_requests_on_until_dropped() {
    for kind in KINDS {
        let app = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = app.local_addr().unwrap();
        let config = move |port| passing_on(kind, port, to);
        let gateway = Gateway::start(kind, config).await.unwrap();
        let port = gateway.address().port();
        let mut client = connect(port).await;
        send(&mut client, "GET /hello HTTP/1.1\r\nHost: bank\r\n\r\n").await;
        let (mut passed_on, _) = app.accept().await.unwrap();
        let mut begin = [0; 10];
        passed_on.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"GET /hello", "{kind:?}");
        let answer = b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n";
        passed_on.write_all(answer).await.unwrap();
        assert!(line(&mut client).await.contains("418"), "{kind:?}");
        let folder = gateway.folder().to_owned();
        drop(gateway);
        assert!(!accepts(port).await && !folder.exists(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_configuration_is_error_with_log() {
    for kind in KINDS {
        let nonsense = |_| "nonsense {\n nonsense\n}".to_owned();
        let started = Gateway::start(kind, nonsense).await;
        let error = started.unwrap_err();
        let Error::Server { log, .. } = &error else {
            unreachable!("{error}");
        };
        assert!(log.contains("nonsense"), "{error}");
    }
}
