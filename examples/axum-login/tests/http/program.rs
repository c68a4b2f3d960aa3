//! The application as a user starts it.

use std::net::SocketAddr;
use std::process::Stdio;

use dwell_tests::Browser;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::node::sign_in;

#[tokio::test]
async fn program_serves_login_and_logout() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dwell-example-axum-login"))
        .env("PORT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let port = line.strip_prefix("http://localhost:").unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
    let alice = Browser::new(address);
    sign_in(&alice, "alice").await;
    let left = alice.fetch("/session").await.time_left().unwrap();
    assert!((14 * 60..=15 * 60).contains(&left.idle), "{left:?}");
    assert_eq!(alice.visit("/logout").await.location(), "/login");
    assert_eq!(alice.fetch("/session").await.reason(), "session_required");
}
