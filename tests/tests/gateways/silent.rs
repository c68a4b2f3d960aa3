//! WebSockets on which nobody says anything.

use dwell_axum::seconds;
use dwell_servers::GatewayKind::{self, HaProxy, Nginx};

use crate::client::Socket;
use crate::page::config;
use crate::site::Site;

/// Whether a silent WebSocket is open after two seconds.
async fn stays_open(kind: GatewayKind, config: &str) -> bool {
    let site = Site::start(kind, config).await;
    let socket = Socket::open(&site, &site.alice().await).await.unwrap();
    let closed = socket.closed_within(seconds(2)).await;
    closed == Err("stays open".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_keeps_silent_web_socket_by_line_of_page() {
    let short = config(HaProxy, "HTTP/1.1").replace("50s", "1s");
    assert!(stays_open(HaProxy, &short).await);
    let tunnel = "timeout tunnel  1h";
    assert!(short.contains(tunnel));
    assert!(!stays_open(HaProxy, &short.replace(tunnel, "")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_closes_silent_web_socket_after_read_timeout() {
    let site = config(Nginx, "HTTP/1.1");
    let short = site.replace("location / {", "proxy_read_timeout 1s;\nlocation / {");
    assert!(!stays_open(Nginx, &short).await);
    assert!(stays_open(Nginx, &site).await);
}
