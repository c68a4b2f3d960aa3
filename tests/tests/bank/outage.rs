//! The store fails, and recovers.

use dwell_axum::{EventKind, seconds};
use dwell_testkit::FaultyStore;

use crate::support::{COOKIE, Served, filled, idle_left, sign_in};

#[tokio::test]
async fn l08_outage_serves_nobody_and_loses_nothing() {
    let mut faulty = None;
    let bank = Served::with_store(|store| faulty.insert(FaultyStore::new(store)).clone()).await;
    let store = faulty.unwrap();
    let browser = bank.signed_in("alice").await;
    let cookie = browser.cookie(COOKIE);
    bank.clock.advance(seconds(20));

    store.fail();
    for answer in [
        browser.fetch("/api/balance").await,
        browser.fetch("/session").await,
        browser.visit("/").await,
        browser.visit("/admin/sessions").await,
        browser.visit("/login").await,
        browser.post("/session/extend", "").await,
        browser.post("/session/end", "").await,
    ] {
        assert_eq!(answer.status, 503, "{}", answer.path);
        assert_eq!(answer.reason(), "store_unavailable");
        assert!(answer.header("retry-after").is_some());
        assert_eq!(answer.set_cookies(), [""; 0]);
        assert!(!answer.text().contains("1234.50"));
    }
    assert_eq!(browser.cookie(COOKIE), cookie);
    // Pages without a session still work.
    assert_eq!(browser.visit("/static/bank.css").await.status, 200);

    store.heal();
    let answer = browser.fetch("/api/notifications").await;
    assert_eq!(
        (answer.status.as_u16(), idle_left(&answer)),
        (200, seconds(40))
    );
    assert_eq!(bank.events.ends(), []);
    assert!(bank.events.count(EventKind::StoreUnavailable) >= 7);
}

#[tokio::test]
async fn unstored_login_is_no_login() {
    let mut faulty = None;
    let bank = Served::with_store(|store| faulty.insert(FaultyStore::new(store)).clone()).await;
    let store = faulty.unwrap();
    let browser = bank.browser();
    let page = browser.visit("/login").await;
    store.fail();
    let answer = browser.submit(&filled(&page, "alice")).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.set_cookies(), [""; 0]);
    store.heal();
    assert_eq!(sign_in(&browser, "alice").await.status, 303);
}
