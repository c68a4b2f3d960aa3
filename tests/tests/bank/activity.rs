//! Which requests keep a session alive.

use dwell_axum::{PolicySet, seconds};
use dwell_testkit::FaultyStore;
use dwell_tests::{Browser, Initiator, Request};
use http::Method;

use crate::support::{
    ABSOLUTE, IDLE, REAUTHENTICATE, Served, assert_refused, idle_left, transfer_of, whole_seconds,
};

/// A kind of request, and the status of its answer.
type Kind = (
    &'static str,
    u16,
    for<'a> fn(&'a Browser, &'a str) -> Request<'a>,
);

fn get<'a>(browser: &'a Browser, path: &'a str) -> Request<'a> {
    browser.script(Method::GET, path)
}

/// Sends a request half-way to the idle deadline, and returns the time left
/// afterwards, by a passive request.
async fn left_after(bank: &Served, (path, status, request): Kind) -> u64 {
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(IDLE / 2);
    let answer = request(&browser, path).send().await;
    assert_eq!(answer.status, status, "{path}: {:?}", answer.body);
    whole_seconds(idle_left(&browser.fetch("/session").await))
}

#[tokio::test]
async fn l02_only_active_requests_move_idle_deadline() {
    let bank = Served::start().await;
    let active: [Kind; 5] = [
        ("/", 200, |b, path| b.navigate(Method::GET, path)),
        ("/api/balance", 200, get),
        ("/api/balance", 200, |b, path| b.script(Method::HEAD, path)),
        // A refused order still shows a person at work.
        ("/api/transfer", 422, |b, path| {
            b.script(Method::POST, path).body("application/json", "{}")
        }),
        // A link on another site that the user followed.
        ("/", 200, |b, path| {
            b.navigate(Method::GET, path)
                .from_elsewhere(Initiator::OtherNavigation)
        }),
    ];
    for kind in active {
        assert_eq!(left_after(&bank, kind).await, 60, "{} {:?}", kind.0, kind.1);
    }
    let passive: [Kind; 13] = [
        ("/api/notifications", 200, get),
        ("/session", 200, get),
        ("/nowhere", 404, get),
        ("/api/balance", 405, |b, path| b.script(Method::PUT, path)),
        ("/static/bank.js", 200, get),
        ("/session-timeout.js", 200, get),
        ("/expired", 200, |b, path| b.navigate(Method::GET, path)),
        ("/api/balance", 200, |b, path| {
            get(b, path).header("sec-purpose", "prefetch;prerender")
        }),
        ("/api/balance", 200, |b, path| {
            get(b, path).from_elsewhere_with_all_cookies()
        }),
        ("/api/balance", 200, |b, path| {
            get(b, path).header("session-activity", "passive")
        }),
        ("/api/balance", 200, |b, path| {
            get(b, path).header("session-activity", "Active")
        }),
        ("/api/transfer", 403, |b, path| {
            b.script(Method::POST, path)
                .body("application/json", r#"{"to":"bob","amount":"1"}"#)
                .from_elsewhere_with_all_cookies()
        }),
        ("/session/extend", 403, |b, path| {
            b.script(Method::POST, path)
                .from_elsewhere_with_all_cookies()
        }),
    ];
    for kind in passive {
        assert_eq!(left_after(&bank, kind).await, 30, "{} {:?}", kind.0, kind.1);
    }
}

#[tokio::test]
async fn l17_request_cannot_be_active_on_passive_route() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(IDLE / 2);
    for path in ["/api/notifications", "/session"] {
        let request = browser.script(Method::GET, path);
        let answer = request.header("session-activity", "active").send().await;
        assert_eq!(idle_left(&answer), IDLE / 2, "{path}");
    }
}

#[tokio::test]
async fn n01_asking_time_left_writes_and_extends_nothing() {
    let mut faulty = None;
    let bank = Served::with_store(|store| faulty.insert(FaultyStore::new(store)).clone()).await;
    let store = faulty.unwrap();
    let browser = bank.signed_in("alice").await;
    let writes = store.writes();
    for path in ["/session", "/api/notifications"] {
        let answer = browser.fetch(path).await;
        assert_eq!(idle_left(&answer), IDLE);
    }
    for passed in 1..6 {
        bank.clock.advance(seconds(10));
        for path in ["/session", "/api/notifications"] {
            let answer = browser.fetch(path).await;
            assert_eq!(answer.status, 200);
            assert_eq!(idle_left(&answer), IDLE - seconds(10 * passed));
            assert_eq!(answer.set_cookies(), [""; 0]);
        }
    }
    assert_eq!(store.writes(), writes);
    for _ in 0..6 {
        bank.clock.advance(seconds(10));
        let holder = Browser::with_jar(bank.address, browser.jar());
        assert_refused(&holder.fetch("/session").await, "idle_timeout");
    }
}

#[tokio::test]
async fn n03_only_marked_routes_extend_in_strict_mode() {
    let bank = Served::start().await;
    let table = "[policy.default]";
    let strict = format!("{table}\nunmarked = \"passive\"");
    let strict = bank::BUILT_IN_POLICY.replace(table, &strict);
    let strict = PolicySet::from_toml("strict.toml", &strict).unwrap();
    bank.policies.replace(strict);
    let marked: [Kind; 2] = [
        ("/api/balance", 200, get),
        ("/", 200, |b, path| {
            get(b, path).header("session-activity", "active")
        }),
    ];
    for kind in marked {
        assert_eq!(left_after(&bank, kind).await, 60, "{}", kind.0);
    }
    let unmarked: [Kind; 3] = [
        ("/", 200, get),
        ("/api/notifications", 200, get),
        ("/api/balance", 200, |b, path| {
            get(b, path).header("session-activity", "passive")
        }),
    ];
    for kind in unmarked {
        assert_eq!(left_after(&bank, kind).await, 30, "{}", kind.0);
    }
}

#[tokio::test]
async fn n09_refused_transfer_extends_nothing() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.pass_active(&browser, REAUTHENTICATE).await;
    for passed in [20, 40] {
        bank.clock.advance(seconds(20));
        let answer = browser.post("/api/transfer", &transfer_of("1")).await;
        assert_refused(&answer, "step_up_required");
        assert_eq!(idle_left(&answer), IDLE - seconds(passed));
    }
    bank.clock.advance(seconds(20));
    let answer = browser.post("/api/transfer", &transfer_of("1")).await;
    assert_refused(&answer, "idle_timeout");
}

#[tokio::test]
async fn reported_input_counts_from_when_it_happened() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(seconds(50));
    let report = async |ms: u64| {
        let body = format!(r#"{{"idle_ms":{ms}}}"#);
        idle_left(&browser.post("/session/activity", &body).await)
    };
    assert_eq!(report(40_000).await, seconds(20));
    assert_eq!(
        report(45_000).await,
        seconds(20),
        "never earlier than known"
    );
    assert_eq!(report(0).await, IDLE);
}

#[tokio::test]
async fn clicks_extend_session_until_absolute_deadline() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let start = bank.now();
    while bank.now() - start < ABSOLUTE - IDLE {
        bank.clock.advance(IDLE - seconds(1));
        let answer = browser.fetch("/api/balance").await;
        assert_eq!((answer.status.as_u16(), idle_left(&answer)), (200, IDLE));
    }
}
