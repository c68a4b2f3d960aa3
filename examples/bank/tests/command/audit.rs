//! The audit log.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use dwell_tests::Browser;
use serde_json::Value;
use tokio::process::Command;

use crate::support::{Bank, COOKIE, Folder, SHORT, Stream, read};

/// The allowed fields of a line. No other data of a session leaves the store.
const KEYS: [&str; 13] = [
    "time",
    "event",
    "reason",
    "session",
    "subject",
    "policy",
    "network",
    "client_ip",
    "route",
    "idle_ms",
    "age_ms",
    "evidence",
    "count",
];

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[tokio::test]
async fn every_event_is_one_known_line() {
    let folder = Folder::new();
    let path = folder.path("audit.jsonl");
    // No authentication is recent enough, so every transfer is refused.
    let text = "[policy.default]\nidle = \"20m\"\nabsolute = \"1h\"\nreauthenticate = \"1s\"\n";
    let config = folder.write("policy.toml", text);
    let bank = Bank::start(&["--audit", &path, "--config", &config]).await;
    let browser = bank.signed_in("alice").await;
    let mut tokens = vec![browser.cookie(COOKIE).unwrap()];
    browser.post("/reauth", r#"{"password":"wrong"}"#).await;
    let answer = browser
        .post("/reauth", r#"{"password":"demo-password"}"#)
        .await;
    assert_eq!(answer.status, 200);
    tokens.push(browser.cookie(COOKIE).unwrap());
    let held = browser.jar();
    let page = browser.visit("/").await;
    browser.submit(&page.form("/logout")).await;
    Browser::with_jar(bank.address, held).fetch("/").await;

    // Lines are written before the answers, so there is nothing to flush.
    let text = read(&path);
    let lines: Vec<Value> = text.lines().map(parse).collect();
    let events: Vec<&str> = lines.iter().map(|l| l["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "session_created",
            "step_up_failed",
            "step_up_succeeded",
            "session_rotated",
            "session_logout",
            "session_use_after_expire",
        ]
    );
    let mut sessions = BTreeSet::new();
    for line in &lines {
        let line = line.as_object().unwrap();
        for key in line.keys() {
            assert!(KEYS.contains(&key.as_str()), "{key}");
        }
        assert_eq!(line["subject"], "alice");
        assert_eq!(line["policy"], "default");
        assert_eq!(line["client_ip"], "127.0.0.1");
        assert!(line["route"].as_str().unwrap().starts_with('/'));
        assert!(line["idle_ms"].is_u64() && line["age_ms"].is_u64());
        let time = line["time"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
        sessions.insert(line["session"].as_str().unwrap());
    }
    assert_eq!(sessions.len(), 1, "a session keeps its reference");
    let reasons = lines.iter().filter_map(|line| line["reason"].as_str());
    assert_eq!(reasons.collect::<Vec<_>>(), ["signed_out", "signed_out"]);
    for token in tokens {
        assert!(!text.contains(&token[..22]) && !text.contains(&token[22..]));
    }
    assert!(!text.contains("demo-password") && !text.contains("wrong"));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "it names people");
}

#[tokio::test]
async fn n94_rotated_audit_file_is_written_at_its_path() {
    let folder = Folder::new();
    let path = folder.path("audit.jsonl");
    let bank = Bank::start(&["--audit", &path]).await;
    bank.signed_in("alice").await;
    std::fs::rename(&path, folder.path("audit.1")).unwrap();
    bank.signed_in("bob").await;
    assert_eq!(parse(&read(&path))["subject"], "bob");
    assert_eq!(parse(&read(folder.path("audit.1")))["subject"], "alice");
    std::fs::remove_file(&path).unwrap();
    bank.signal("HUP").await;
    bank.signed_in("alice").await;
    assert_eq!(parse(&read(&path))["subject"], "alice");
}

#[tokio::test]
async fn l09_no_token_in_log_or_audit() {
    let folder = Folder::new();
    let path = folder.path("audit.jsonl");
    let loud = [("RUST_LOG", "trace")];
    let bank = Bank::start_with(&["--audit", &path], &loud).await;
    let mut tokens = Vec::new();
    for user in ["alice", "bob"] {
        let browser = bank.signed_in(user).await;
        tokens.push(browser.cookie(COOKIE).unwrap());
        browser.visit("/admin/sessions").await;
        browser
            .post("/reauth", r#"{"password":"demo-password"}"#)
            .await;
        tokens.push(browser.cookie(COOKIE).unwrap());
        browser.post("/session/end", "").await;
    }
    bank.signal("TERM").await;
    let (code, log) = bank.ended().await;
    assert_eq!(code, Some(0));
    let audit = read(&path);
    for text in [&log, &audit] {
        assert!(text.contains("session_created"), "{text}");
    }
    let all = log + &audit;
    for token in tokens {
        assert!(!all.contains(&token[..22]) && !all.contains(&token[22..]));
    }
}

#[tokio::test]
async fn l12_end_recorded_without_further_request() {
    let folder = Folder::new();
    let config = folder.write("policy.toml", SHORT);
    let pipe = folder.path("audit.pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().await.unwrap();
    assert!(made.success());
    // Opens both ends, so that opening does not block.
    let mut options = tokio::net::unix::pipe::OpenOptions::new();
    let reader = options.read_write(true).open_receiver(&pipe).unwrap();
    let mut audit = Stream::new(reader);

    let bank = Bank::start(&["--audit", &pipe, "--config", &config]).await;
    bank.signed_in("alice").await;
    let created = parse(&audit.next().await.unwrap());
    assert_eq!(created["event"], "session_created");
    let ended = parse(&audit.next().await.unwrap());
    assert_eq!(ended["event"], "session_expired");
    assert_eq!(ended["reason"], "idle_timeout");
    assert_eq!(ended["session"], created["session"]);
    let idle = ended["idle_ms"].as_u64().unwrap();
    assert!((1_000..30_000).contains(&idle), "{idle}");
}

#[tokio::test]
async fn session_expired_in_real_time_refused_with_reason() {
    let folder = Folder::new();
    let config = folder.write("policy.toml", SHORT);
    let mut bank = Bank::start(&["--audit", "/dev/stdout", "--config", &config]).await;
    let browser = bank.signed_in("alice").await;
    let line = bank.out.find("session_expired").await;
    assert_eq!(parse(&line)["reason"], "idle_timeout");
    let answer = browser.visit("/").await;
    assert_eq!(
        answer.location(),
        "/login?reason=idle_timeout&return_to=%2F"
    );
    let line = bank.out.find("session_use_after_expire").await;
    assert_eq!(parse(&line)["route"], "/");
}

#[tokio::test]
async fn unwritable_audit_file_prevents_start() {
    let folder = Folder::new();
    let path = folder.path("nowhere/audit.jsonl");
    let output = crate::support::run(&["--audit", &path]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&path), "{error}");
}
