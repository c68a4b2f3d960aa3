//! The command line.

use std::net::TcpListener;

use dwell_tests::{Browser, Jar};

use crate::support::{Bank, COOKIE, run, sign_in};

#[tokio::test]
async fn the_first_line_tells_where_it_listens_and_it_does() {
    let bank = Bank::start(&[]).await;
    assert_ne!(bank.address.port(), 0);
    let page = bank.browser().visit("/login").await;
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn without_configuration_the_built_in_policy_is_in_force() {
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
async fn help_is_on_standard_output_and_names_every_flag() {
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
async fn what_is_not_understood_is_named_and_nothing_starts() {
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
async fn an_address_that_is_taken_is_named() {
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
async fn the_insecure_cookie_is_loud_and_never_the_default() {
    // Loud also for whoever has turned the log off.
    let quiet = [("RUST_LOG", "off")];
    let flag = ["--insecure-plain-http-cookie"];
    let mut bank = Bank::start_with(&flag, &quiet).await;
    let line = bank.log.find("INSECURE").await;
    assert!(line.contains("--insecure-plain-http-cookie"), "{line}");

    // A browser that takes no secure cookie over http.
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
