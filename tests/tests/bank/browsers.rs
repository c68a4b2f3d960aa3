//! Several browsers at once, and many requests at once.

use std::collections::BTreeSet;

use dwell_axum::seconds;
use dwell_tests::Browser;
use tokio::task::JoinSet;

use crate::support::{
    COOKIE, IDLE, MOMENT, Served, assert_refused, cents, confirm, idle_left, transfer_of,
};

#[tokio::test]
async fn two_users_do_not_affect_each_other() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    bank.clock.advance(seconds(40));
    let bob = bank.signed_in("bob").await;
    let answer = alice.post("/api/transfer", &transfer_of("100")).await;
    assert_eq!(answer.status, 200);
    assert_eq!((cents(&alice).await, cents(&bob).await), (113_450, 133_450));
    let messages = bob.fetch("/api/notifications").await;
    let message = "alice sent you €100.00.";
    assert_eq!(messages.json()["notifications"][0], message);
    assert!(bob.visit("/").await.text().contains(message));

    // A note is shown as text, and its length is limited.
    let note = |note: &str| format!(r#"{{"to":"bob","amount":"1","note":"{note}"}}"#);
    let answer = alice
        .post("/api/transfer", &note(" for <b>lunch</b> "))
        .await;
    assert_eq!(answer.status, 200);
    let messages = bob.fetch("/api/notifications").await;
    let message = "alice sent you €1.00: for <b>lunch</b>";
    assert_eq!(messages.json()["notifications"][0], message);
    assert!(!bob.visit("/").await.text().contains("<b>lunch"));
    let longest = "ü".repeat(140);
    let answer = alice.post("/api/transfer", &note(&longest)).await;
    assert_eq!(answer.status, 200);
    let answer = alice.post("/api/transfer", &note(&(longest + "ü"))).await;
    assert_eq!(
        (answer.status.as_u16(), answer.reason()),
        (422, "bad_note".to_owned())
    );

    // Bob's clicks keep only bob in.
    bank.clock.advance(seconds(40));
    assert_eq!(bob.visit("/").await.status, 200);
    bank.clock.advance(seconds(20));
    assert_refused(&alice.fetch("/api/notifications").await, "idle_timeout");
    assert_eq!(idle_left(&bob.fetch("/session").await), seconds(40));

    let page = bob.visit("/").await;
    bob.submit(&page.form("/logout")).await;
    let alice = bank.signed_in("alice").await;
    assert_eq!(alice.visit("/").await.status, 200);
}

#[tokio::test]
async fn two_users_share_browser_in_turn() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let subject = async || browser.fetch("/api/notifications").await.json()["subject"].clone();
    assert_eq!(subject().await, "alice");
    let page = browser.visit("/login").await;
    assert!(
        page.text()
            .contains("You are signed in as <strong>alice</strong>")
    );
    let answer = browser.submit(&crate::support::filled(&page, "bob")).await;
    let account = browser.follow(answer).await;
    assert!(account.text().contains("Signed in as <strong>bob</strong>"));
    assert!(!account.text().contains("<strong>alice</strong>"));
    // This shows a page of alice's that is still open that the user changed.
    assert_eq!(subject().await, "bob");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_over_many_connections_are_one_session() {
    let bank = Served::start().await;
    let jar = bank.signed_in("alice").await.jar();
    bank.clock.advance(IDLE - MOMENT);
    let mut requests = JoinSet::new();
    for _ in 0..8 {
        let browser = Browser::with_jar(bank.address, jar.clone());
        for path in ["/", "/api/balance", "/api/notifications", "/session"] {
            for _ in 0..8 {
                let browser = browser.clone();
                requests.spawn(async move { browser.visit(path).await });
            }
        }
    }
    let answers = requests.join_all().await;
    assert_eq!(answers.len(), 256);
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.path);
        assert_eq!(answer.set_cookies(), [""; 0]);
        assert!(answer.time_left().is_some());
    }
    let browser = Browser::with_jar(bank.address, jar);
    assert_eq!(idle_left(&browser.fetch("/session").await), IDLE);
    assert_eq!(bank.events.ends(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_transfers_keep_total() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    let mut transfers = JoinSet::new();
    for _ in 0..60 {
        let alice = alice.clone();
        transfers.spawn(async move { alice.post("/api/transfer", &transfer_of("50")).await });
    }
    let answers = transfers.join_all().await;
    let made = answers.iter().filter(|answer| answer.status == 200);
    let made = u64::try_from(made.count()).unwrap();
    assert_eq!(made, 24, "1234.50 covers 24 transfers");
    let refused = answers.iter().filter(|answer| answer.status != 200);
    assert!(
        refused
            .into_iter()
            .all(|a| a.reason() == "insufficient_funds")
    );
    let bob = bank.signed_in("bob").await;
    assert_eq!(cents(&alice).await, 123_450 - made * 5_000);
    assert_eq!(cents(&bob).await, 123_450 + made * 5_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n20_requests_at_deadline_share_one_outcome_and_event() {
    let bank = Served::start().await;
    let jar = bank.signed_in("alice").await.jar();
    bank.clock.advance(IDLE);
    let mut requests = JoinSet::new();
    for _ in 0..32 {
        let browser = Browser::with_jar(bank.address, jar.clone());
        requests.spawn(async move { browser.fetch("/api/balance").await });
    }
    for answer in requests.join_all().await {
        assert_refused(&answer, "idle_timeout");
    }
    assert_eq!(bank.events.ends().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_requests_survive_token_change() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let page = browser.visit("/reauth").await;
    let mut requests = JoinSet::new();
    for _ in 0..32 {
        let browser = browser.clone();
        requests.spawn(async move { browser.fetch("/api/balance").await });
    }
    let confirmed = confirm(&browser, &page).await;
    assert_eq!(confirmed.status, 303);
    for answer in requests.join_all().await {
        assert_eq!(answer.status, 200);
    }
    bank.clock.advance(seconds(30));
    assert_eq!(browser.fetch("/api/balance").await.status, 200);
    assert_eq!(bank.events.ends(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n19_request_in_flight_at_end_revives_nothing() {
    let bank = Served::start().await;
    for _ in 0..20 {
        let browser = bank.signed_in("alice").await;
        let held = browser.jar();
        let page = browser.visit("/").await;
        bank.clock.advance(seconds(10));
        let mut requests = JoinSet::new();
        for _ in 0..8 {
            let tab = Browser::with_jar(bank.address, held.clone());
            requests.spawn(async move { tab.fetch("/api/balance").await });
        }
        let out = browser.submit(&page.form("/logout")).await;
        assert_eq!(out.location(), "/login?reason=signed_out");
        let mut seen = BTreeSet::new();
        for answer in requests.join_all().await {
            let sets = |line: &&str| line.starts_with(COOKIE) && !line.contains("Max-Age=0");
            assert!(!answer.set_cookies().iter().any(sets));
            seen.insert((answer.status.as_u16(), answer.reason()));
        }
        let allowed = [(200, String::new()), (401, "signed_out".to_owned())];
        assert!(
            seen.iter().all(|outcome| allowed.contains(outcome)),
            "{seen:?}"
        );
        let tab = Browser::with_jar(bank.address, held);
        assert_refused(&tab.fetch("/api/balance").await, "signed_out");
    }
    assert_eq!(bank.events.ends().len(), 20);
}
