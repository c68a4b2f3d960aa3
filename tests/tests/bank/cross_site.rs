//! What other sites can make a browser do.

use dwell_axum::{EventKind, seconds};
use dwell_tests::Initiator;
use http::Method;

use crate::support::{COOKIE, Served, cents, idle_left, transfer_of};

const FORM: &str = "application/x-www-form-urlencoded";

/// Every `POST` route, with a body that would have an effect.
const POSTS: [(&str, &str, &str); 9] = [
    ("/login", FORM, "username=bob&password=demo-password"),
    ("/logout", FORM, ""),
    ("/reauth", FORM, "password=demo-password"),
    (
        "/api/transfer",
        "application/json",
        r#"{"to":"bob","amount":"1"}"#,
    ),
    ("/admin/sessions/end", FORM, "session=0123456789abcdef"),
    ("/admin/sessions/end-others", FORM, ""),
    ("/session/extend", FORM, ""),
    ("/session/activity", "application/json", r#"{"idle_ms":0}"#),
    ("/session/end", FORM, ""),
];

#[tokio::test]
async fn other_sites_cannot_post_even_with_cookie() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let other = bank.signed_in("alice").await;
    let cookie = browser.cookie(COOKIE);
    bank.clock.advance(seconds(20));
    for (path, media_type, body) in POSTS {
        let request = || browser.script(Method::POST, path).body(media_type, body);
        for (kind, request) in [
            ("cross-site", request().from_elsewhere_with_all_cookies()),
            // Another port of the same host is another origin.
            (
                "same-site",
                request()
                    .header("sec-fetch-site", "same-site")
                    .header("origin", "http://127.0.0.1:1"),
            ),
            // A browser that sends no fetch metadata.
            (
                "origin only",
                request()
                    .without("sec-fetch-site")
                    .header("origin", "https://evil.example"),
            ),
            (
                "null origin",
                request().without("sec-fetch-site").header("origin", "null"),
            ),
        ] {
            let answer = request.send().await;
            assert_eq!(answer.status, 403, "{path} {kind}: {:?}", answer.body);
            assert_eq!(answer.set_cookies(), [""; 0], "{path} {kind}");
        }
    }
    assert_eq!(cents(&browser).await, 123_450);
    assert_eq!(browser.cookie(COOKIE), cookie);
    let answer = browser.fetch("/session").await;
    assert_eq!(idle_left(&answer), seconds(40), "and it was no activity");
    assert_eq!(other.fetch("/api/balance").await.status, 200);
    assert_eq!(bank.events.kinds(), [EventKind::SessionCreated; 2]);
}

#[tokio::test]
async fn browser_without_fetch_metadata_can_use_bank() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    for (path, media_type, body) in POSTS {
        if path.contains("login") || path.contains("end") || path.contains("logout") {
            continue;
        }
        let request = browser.script(Method::POST, path).body(media_type, body);
        let answer = request.without("sec-fetch-site").send().await;
        let status = answer.status.as_u16();
        assert!([200, 303].contains(&status), "{path}: {status}");
    }
    assert_eq!(cents(&browser).await, 123_350);
}

#[tokio::test]
async fn cookie_sent_cross_site_only_with_links() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let link = browser
        .navigate(Method::GET, "/")
        .from_elsewhere(Initiator::OtherNavigation);
    assert_eq!(link.send().await.status, 200);
    let form = browser
        .navigate(Method::POST, "/reauth")
        .from_elsewhere(Initiator::OtherNavigation);
    let answer = form.body(FORM, "password=demo-password").send().await;
    assert_eq!(answer.status, 403);
    let image = browser
        .script(Method::GET, "/api/balance")
        .from_elsewhere(Initiator::OtherSubresource);
    assert_eq!(image.send().await.reason(), "session_required");
}

#[tokio::test]
async fn other_origins_cannot_read_answers() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let preflight = browser
        .script(Method::OPTIONS, "/api/transfer")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST");
    let answer = preflight.send().await;
    assert_eq!(answer.status, 405);
    let read = browser
        .script(Method::GET, "/api/balance")
        .header("origin", "https://evil.example");
    for answer in [answer, read.send().await] {
        let mut names = answer.headers.keys().map(http::HeaderName::as_str);
        assert!(!names.any(|name| name.starts_with("access-control-")));
    }
    let balance = browser.fetch("/api/balance").await;
    let policy = balance.header("cross-origin-resource-policy");
    assert_eq!(policy, Some("same-origin"));
    let answer = browser.post("/api/transfer", &transfer_of("1")).await;
    assert_eq!(answer.status, 200);
}
