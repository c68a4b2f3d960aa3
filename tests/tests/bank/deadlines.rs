//! When a session ends, and what its user gets to know.

use dwell_axum::{EndReason, EventKind, PolicySet, Timeouts, minutes, seconds};
use dwell_tests::Browser;
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{
    ABSOLUTE, COOKIE, IDLE, MOMENT, Served, assert_refused, assert_sent, cents, confirm, idle_left,
    left, removes_cookie, sign_in,
};

#[tokio::test]
async fn l01_request_at_idle_deadline_is_too_late() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(seconds(30));
    assert_eq!(browser.visit("/").await.status, 200);

    bank.clock.advance(IDLE - MOMENT);
    let answer = browser.fetch("/api/notifications").await;
    assert_eq!((answer.status.as_u16(), left(&answer).idle), (200, 0));
    bank.clock.advance(MOMENT);
    // An active request is refused like a passive one.
    let answer = browser.visit("/").await;
    assert_sent(&answer, "/login", "idle_timeout", "/");
}

#[tokio::test]
async fn l01_request_at_absolute_deadline_is_too_late() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.pass_active(&browser, ABSOLUTE - MOMENT).await;
    assert_eq!(left(&browser.visit("/").await).absolute, 0);
    bank.clock.advance(MOMENT);
    assert_refused(&browser.fetch("/api/balance").await, "absolute_timeout");
}

#[tokio::test]
async fn l03_only_new_login_moves_absolute_deadline() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(seconds(50));
    let absolute = async |answer| left(&answer).absolute;
    assert_eq!(absolute(browser.visit("/").await).await, 550);
    let extended = browser.post("/session/extend", "").await;
    assert_eq!(absolute(extended).await, 550);
    let input = browser.post("/session/activity", r#"{"idle_ms":0}"#).await;
    assert_eq!(absolute(input).await, 550);
    let page = browser.visit("/reauth").await;
    assert_eq!(absolute(confirm(&browser, &page).await).await, 550);

    let before = browser.cookie(COOKIE).unwrap();
    assert_eq!(absolute(sign_in(&browser, "alice").await).await, 600);
    assert_ne!(browser.cookie(COOKIE).unwrap(), before);
    assert_eq!(bank.events.ends(), [EndReason::Superseded]);
}

#[tokio::test]
async fn l06_stricter_policy_binds_and_looser_one_revives_nothing() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    let bob = bank.signed_in("bob").await;
    bank.clock.advance(seconds(20));
    let simple = |idle| {
        PolicySet::simple(Timeouts {
            idle,
            absolute: minutes(10),
        })
        .unwrap()
    };
    bank.policies.replace(simple(seconds(30)));
    let answer = alice.fetch("/session").await;
    assert_eq!(idle_left(&answer), seconds(10));
    assert_eq!(answer.json()["set_by"], "policy default");

    bank.policies.replace(simple(seconds(20)));
    assert_refused(&alice.fetch("/api/balance").await, "idle_timeout");
    bank.policies.replace(simple(minutes(5)));
    let answer = sign_in(&alice, "alice").await;
    assert_eq!(idle_left(&answer), minutes(5));
    // The deadline that bob's last click set stays, unless he was found to be late
    // already.
    bank.clock.advance(seconds(40));
    assert_refused(&bob.fetch("/api/balance").await, "idle_timeout");
}

#[tokio::test]
async fn l12_every_end_reported_once_without_further_request() {
    let mut bank = Served::start().await;
    for _ in 0..5 {
        bank.signed_in("alice").await;
    }
    bank.signed_in("bob").await;
    bank.clock.advance(IDLE);
    for _ in 0..6 {
        let ended = |event: &dwell_axum::Event| event.event == EventKind::SessionExpired;
        let event = bank.wait_for(ended).await;
        assert_eq!(event.reason, Some(EndReason::IdleTimeout));
        assert_eq!(event.idle_ms, Some(60_000));
    }
    let mut sessions: Vec<_> = bank
        .events
        .events()
        .into_iter()
        .filter(|event| event.event == EventKind::SessionExpired)
        .map(|event| event.session.unwrap().to_string())
        .collect();
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(sessions.len(), 6);
    assert_eq!(bank.events.ends().len(), 6);
}

#[tokio::test]
async fn l13_token_holder_learns_reason_and_use_is_event() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let held = browser.jar();
    bank.clock.advance(IDLE);
    assert_refused(&browser.fetch("/api/balance").await, "idle_timeout");

    // The browser has lost its cookie: it has no session now.
    assert_refused(&browser.fetch("/api/balance").await, "session_required");
    let used = |bank: &Served| bank.events.count(EventKind::SessionUseAfterExpire);
    for later in [minutes(1), minutes(60 * 22)] {
        bank.clock.advance(later);
        let before = used(&bank);
        let holder = Browser::with_jar(bank.address, held.clone());
        let answer = holder.fetch("/api/balance").await;
        assert_refused(&answer, "idle_timeout");
        assert!(removes_cookie(&answer));
        assert_eq!(used(&bank), before + 1);
    }
    assert_eq!(bank.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn n41_late_stay_signed_in_is_refused() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(IDLE - MOMENT);
    let answer = browser.post("/session/extend", "").await;
    assert_eq!((answer.status.as_u16(), idle_left(&answer)), (200, IDLE));
    bank.clock.advance(IDLE);
    let answer = browser.post("/session/extend", "").await;
    assert_refused(&answer, "idle_timeout");
}

#[tokio::test]
async fn n40_order_in_flight_at_deadline_done_later_one_refused() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let order = r#"{"to":"bob","amount":"1"}"#;
    let mut upload = TcpStream::connect(bank.address).await.unwrap();
    let head = format!(
        "POST /api/transfer HTTP/1.1\r\nHost: bank\r\nCookie: {COOKIE}={}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\nConnection: close\r\n\r\n",
        browser.cookie(COOKIE).unwrap(),
        order.len()
    );
    upload.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: it has admitted the request.
    let mut asked = [0; 25];
    upload.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");

    bank.clock.advance(IDLE);
    upload.write_all(order.as_bytes()).await.unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let answer = browser.post("/api/transfer", order).await;
    assert_refused(&answer, "idle_timeout");
    let bob = bank.signed_in("bob").await;
    assert_eq!(cents(&bob).await, 123_550, "one of the two");
    assert_eq!(bank.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn every_answer_to_live_session_carries_time_left() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(seconds(10));
    for (method, path) in [
        (Method::GET, "/api/notifications"),
        (Method::GET, "/session"),
        (Method::GET, "/nowhere"),
        (Method::DELETE, "/api/balance"),
        (Method::GET, "/login"),
        (Method::POST, "/api/transfer"),
        (Method::GET, "/"),
    ] {
        let answer = browser.script(method, path).send().await;
        let left = left(&answer);
        assert_eq!((left.absolute, left.warn), (590, 20), "{path}");
    }
    // So does a page that asks for authentication earlier.
    let left = left(&browser.visit("/admin/sessions").await);
    assert_eq!((left.idle, left.absolute), (60, 590));
    assert_eq!(bank.browser().visit("/login").await.time_left(), None);
}
