//! The command line.

use std::net::TcpListener;

use dwell_tests::{Browser, Jar};

use crate::support::{Bank, COOKIE, run, sign_in};

#[tokio::test]
async fn first_line_names_listening_address() {
    let bank = Bank::start(&[]).await;
    assert_ne!(bank.address.port(), 0);
    let page = bank.browser().visit("/login").await;
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn built_in_policy_applies_without_configuration() {
    let bank = Bank::start(&[]).await;
    let browser = bank.signed_in("alice").await;
    let status = browser.fetch("/session").await.json();
    let time = |name: &str| status[name].as_str().unwrap().to_owned();
    assert_eq!(status["warn_ms"], 20_000);
    assert_eq!(status["ends_by"], "idle_timeout");
    assert_eq!(status["policy"], "default");
    let left = status["remaining_ms"].as_u64().unwrap();
    assert!((1..=60_000).contains(&left), "{left}");
    assert!(time("idle_deadline") < time("absolute_deadline"));
}

#[tokio::test]
async fn help_on_stdout_names_every_flag() {
    for flag in ["--help", "-h"] {
        let output = run(&[flag]).await;
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
        let text = String::from_utf8(output.stdout).unwrap();
        for word in [
            "--listen",
            "--config",
            "--audit",
            "--store",
            "--near-cache",
            "--insecure-plain-http-cookie",
            "--help",
            "SIGHUP",
        ] {
            assert!(text.contains(word), "{word}");
        }
    }
}

#[tokio::test]
async fn unknown_argument_is_named_and_nothing_starts() {
    for (flags, named) in [
        (&["--lisen", "127.0.0.1:0"][..], "--lisen"),
        (&["--listen"], "--listen"),
        (&["--listen", "3000"], "--listen"),
        (&["--listen", "localhost:x"], "--listen"),
        (&["--config"], "--config"),
        (
            &["--insecure-plain-http-cookie=no"],
            "--insecure-plain-http-cookie",
        ),
        (&["policy.toml"], "policy.toml"),
    ] {
        let output = run(flags).await;
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(output.stdout.is_empty(), "{flags:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.starts_with("bank: ") && text.contains(named), "{text}");
        assert!(text.contains("bank --help"), "{text}");
    }
}

#[tokio::test]
async fn taken_address_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--listen", &address]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("--listen") && text.contains(&address),
        "{text}"
    );
}

#[tokio::test]
async fn insecure_cookie_warns_and_is_never_default() {
    // The warning comes with the log turned off, too.
    let quiet = [("RUST_LOG", "off")];
    let flag = ["--insecure-plain-http-cookie"];
    let mut bank = Bank::start_with(&flag, &quiet).await;
    let line = bank.log.find("INSECURE").await;
    assert!(line.contains("--insecure-plain-http-cookie"), "{line}");

    // A browser that rejects secure cookies over http.
    let strict = Browser::with_jar(bank.address, Jar::of_plain_http());
    let answer = sign_in(&strict, "alice").await;
    let cookie = answer.set_cookies()[0].to_owned();
    assert!(cookie.starts_with("session="), "{cookie}");
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
    assert_eq!(strict.visit("/").await.status, 200);

    let bank = Bank::start(&[]).await;
    let strict = Browser::with_jar(bank.address, Jar::of_plain_http());
    let answer = sign_in(&strict, "alice").await;
    assert!(answer.set_cookies()[0].starts_with(COOKIE));
    assert_eq!(strict.visit("/").await.status, 303, "it kept no cookie");
    bank.signal("TERM").await;
    let (_, log) = bank.ended().await;
    assert!(!log.contains("INSECURE"), "{log}");
}
