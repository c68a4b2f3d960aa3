//! Attackers who forge evidence: events, logs, addresses.

use dwell_tests::status;

use crate::support::{COOKIE, Served};
use crate::wire::{exchange, form, head, login_of_alice};

/// What would begin another line, or end the quotes.
const FORGED: &str = "%0a{%22event%22:%22session_created%22,%22subject%22:%22admin%22}%1b%5b2J%22";

#[tokio::test]
async fn n91_no_request_makes_line_of_its_own_in_log() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    let token = alice.cookie(COOKIE).unwrap();
    let fields = [
        format!("X-Forwarded-For: 10.0.0.1{FORGED}\r\n"),
        format!("User-Agent: {FORGED}\r\n"),
        format!("Referer: http://bank/{FORGED}\r\n"),
        format!("Session-Activity: active{FORGED}\r\n"),
    ];
    for field in &fields {
        for path in [format!("/{FORGED}"), format!("/api/transfer?{FORGED}")] {
            let answer = exchange(&bank, &head("GET", &path, &token, field)).await;
            assert_ne!(status(&answer), "500", "{answer}");
        }
        let transfer = head("POST", &format!("/api/transfer?{FORGED}"), "x", field);
        exchange(&bank, &transfer).await;
    }
    // A name that nobody has.
    let login = format!("username=eve{FORGED}&password=x");
    let request = head("POST", "/login", &token, &form(login.len())) + &login;
    let refused = exchange(&bank, &request).await;
    assert_eq!(status(&refused), "401", "{refused}");
    alice.post("/session/end", "").await;
    let events = bank.events.events();
    assert!(events.len() >= 2, "the login and its end: {events:?}");
    for event in &events {
        let line = serde_json::to_string(event).unwrap();
        assert!(!line.chars().any(char::is_control), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_ne!(read["subject"], "admin");
    }
}

/// Without a trusted proxy, a client's word on its address counts for nothing.
#[tokio::test]
async fn l17_forwarded_address_of_client_is_not_believed() {
    let bank = Served::start().await;
    for name in ["X-Forwarded-For", "Forwarded", "X-Real-IP"] {
        let value = match name {
            "Forwarded" => "for=10.20.0.1",
            _ => "10.20.0.1",
        };
        exchange(
            &bank,
            &login_of_alice(&format!("{COOKIE}=x"), &format!("{name}: {value}\r\n")),
        )
        .await;
    }
    let events = bank.events.events();
    assert_eq!(events.len(), 3, "{events:?}");
    for event in events {
        assert_eq!(
            event.client_ip.map(|ip| ip.to_string()).as_deref(),
            Some("127.0.0.1")
        );
    }
}
