//! Stopping by signals.

use serde_json::Value;

use crate::support::{Bank, Folder, read};

#[tokio::test]
async fn termination_and_interrupt_stop_cleanly() {
    for signal in ["TERM", "INT"] {
        let bank = Bank::start(&[]).await;
        // Also right after the first line of output.
        bank.signal(signal).await;
        let (code, _) = bank.ended().await;
        assert_eq!(code, Some(0), "{signal}");
    }
}

#[tokio::test]
async fn l12_stopping_records_sessions_that_end_with_it() {
    let folder = Folder::new();
    let path = folder.path("audit.jsonl");
    let bank = Bank::start(&["--audit", &path]).await;
    // Browsers keep their connections open.
    let mut browsers = Vec::new();
    for user in ["alice", "bob", "alice"] {
        browsers.push(bank.signed_in(user).await);
    }
    bank.signal("TERM").await;
    let (code, log) = bank.ended().await;
    assert_eq!(code, Some(0), "{log}");
    let text = read(&path);
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |event: &str| {
        let lines = lines.iter().filter(|line| line["event"] == event);
        let mut sessions: Vec<_> = lines.map(|line| line["session"].to_string()).collect();
        sessions.sort_unstable();
        sessions
    };
    assert_eq!(of("session_created").len(), 3);
    assert_eq!(of("session_expired"), of("session_created"));
    let reasons = lines.iter().filter_map(|line| line["reason"].as_str());
    assert_eq!(reasons.collect::<Vec<_>>(), ["revoked"; 3]);
}
