//! What the service gets to see of requests, and clients of its answers.

use dwell_tests::{Browser, status};
use http::Method;

use crate::site::{COOKIE, Seen, Site};

#[tokio::test(flavor = "multi_thread")]
async fn service_learns_who_asks_and_never_the_token() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    let seen = Seen::of(&alice.visit("/").await);
    assert_eq!(seen.header("remote-user"), "alice");
    assert_eq!(seen.header("x-forwarded-for"), "127.0.0.1");
    assert_eq!(seen.header("x-forwarded-proto"), "https");
    assert_eq!(seen.header("x-forwarded-host"), site.address.to_string());
    assert_eq!(seen.header("host"), site.address.to_string());
    let session = alice.fetch("/session").await.json()["session"].clone();
    assert_eq!(seen.header("remote-session"), session.as_str().unwrap());
    assert!(seen.header("remote-auth-time").parse::<u64>().unwrap() > 1_000_000_000);
    assert!(!seen.0.to_string().contains(COOKIE), "{}", seen.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_copies_of_headers_are_stripped() {
    let site = Site::start("[[route]]\npath = \"/**\"\naccess = \"public\"\n").await;
    let nobody = Browser::new(site.address);
    let ours = [
        "remote-user",
        "remote_user",
        "remote-session",
        "remote-groups",
        "x-forwarded-for",
        "x_forwarded_for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-prefix",
        "forwarded",
        "x-real-ip",
        "x-original-uri",
    ];
    let mut request = nobody.script(Method::GET, "/");
    for name in ours {
        request = request.header(name, "forged");
    }
    let request = request.header("connection", "x-secret, close");
    let seen = Seen::of(&request.header("x-secret", "of one hop").send().await);
    assert!(!seen.0.to_string().contains("forged"), "{}", seen.0);
    assert_eq!(seen.header("x-secret"), "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_arrive_whole() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    let seen = Seen::of(&alice.post("/orders?x=1", r#"{"amount": 5}"#).await);
    assert_eq!(seen.0["method"], "POST");
    assert_eq!(seen.0["uri"], "/orders?x=1");
    assert_eq!(seen.0["body"], r#"{"amount": 5}"#);
    assert_eq!(seen.header("content-length"), "13");
    let long = "x".repeat(1_000_000);
    let answer = alice.post("/upload", &long).await;
    assert_eq!(answer.text(), "1000000");
    let fields = "Transfer-Encoding: chunked\r\nConnection: close\r\n";
    let mut wire = site.ask(&alice, "POST /orders", fields).await;
    wire.say("4\r\nbody\r\n0\r\n\r\n").await;
    let answer = wire.rest().await;
    assert_eq!(status(&answer), "200");
    assert!(answer.contains(r#""body":"body""#), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_to_head_keeps_its_length() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    let wire = site.ask(&alice, "HEAD /", "Connection: close\r\n").await;
    let answer = wire.rest().await;
    assert_eq!(status(&answer), "200");
    assert!(
        answer.contains("content-length: ") && !answer.contains("content-length: 0"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn service_cannot_set_session_cookie() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    let token = alice.cookie(COOKIE);
    let answer = alice.fetch("/cookies").await;
    assert_eq!(answer.set_cookies(), ["a=1; Path=/"]);
    assert_eq!(alice.cookie(COOKIE), token);
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_paths_are_refused() {
    let site = Site::start("[[route]]\npath = \"/news/**\"\naccess = \"public\"\n").await;
    let alice = site.alice().await;
    for path in [
        "/news/../admin",
        "/news/%2e%2e/admin",
        "/news/..%2fadmin",
        "/news/..;/admin",
        "//news/x",
        "/news/\\..\\admin",
        "*",
    ] {
        let mut wire = site
            .ask(&alice, &format!("GET {path}"), "Connection: close\r\n")
            .await;
        assert_eq!(status(&wire.until("\r\n\r\n").await), "400", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_client_gets_whole_answer() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    let cookie = alice.cookie(COOKIE).unwrap();
    let mut wire = dwell_tests::Wire::open(site.address).await;
    wire.say(&format!(
        "GET /old HTTP/1.0\r\nCookie: {COOKIE}={cookie}\r\n\r\n"
    ))
    .await;
    let answer = wire.rest().await;
    assert_eq!(status(&answer), "200", "{answer}");
    assert!(answer.contains(r#""version":"HTTP/1.1""#), "{answer}");
    assert!(!answer.contains("chunked"), "{answer}");
}
