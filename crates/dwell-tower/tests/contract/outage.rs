//! A store that fails, hangs, is slow or panics admits nobody and loses nothing.

use std::time::Duration;

use dwell_core::{EndReason, EventKind, Token, minutes, seconds};
use dwell_testkit::{FaultyStore, TestClient, TestResponse};
use dwell_tower::idle::SessionRequirement;
use http::Method;

use crate::support::{COOKIE, Client, World, called, get, outcome, poll_once, stack};

/// Makes a store fail.
type Strike = fn(&FaultyStore);

/// The faults of a store.
const FAULTS: [(&str, Strike); 3] = [
    ("fails", FaultyStore::fail),
    ("hangs", FaultyStore::hang),
    ("is slow", |store| store.delay(seconds(3))),
];

/// Timers count in milliseconds, so one more than the bound is too late.
const SOON: Duration = Duration::from_millis(2_001);

/// Returns the answer, which must come within two seconds.
async fn answer(client: &mut Client) -> TestResponse {
    tokio::time::timeout(SOON, client.get("/"))
        .await
        .expect("the wait is bounded")
}

#[tokio::test(start_paused = true)]
async fn l08_silent_store_answers_503_and_admits_nobody() {
    for (fault, strike) in FAULTS {
        let world = World::new();
        let token = world.sign_in().await;
        let mut client = world.client(&stack(&world.remote), &token);
        world.events.clear();
        strike(&world.store);
        let answer = answer(&mut client).await;
        assert_eq!(answer.status, 503, "{fault}");
        assert_eq!(answer.reason().as_deref(), Some("store_unavailable"));
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let retry: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!(retry > 0);
        assert_eq!(world.probe.calls(), 0, "{fault}");
        assert_eq!(
            world.events.kinds(),
            [EventKind::StoreUnavailable],
            "{fault}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn l08_session_survives_outage_with_same_cookie() {
    for (fault, strike) in FAULTS {
        let world = World::new();
        let token = world.sign_in().await;
        let mut client = world.client(&stack(&world.remote), &token);
        let before = world.record(&token);
        strike(&world.store);
        for _ in 0..3 {
            let answer = answer(&mut client).await;
            assert_eq!(answer.header("set-cookie"), None, "{fault}");
        }
        assert_eq!(world.record(&token), before, "{fault}");
        world.store.heal();
        assert_eq!(client.cookie(COOKIE), Some(token.expose()));
        assert_eq!(outcome(&client.get("/").await), "ok", "{fault}");
        assert_eq!(world.events.ends(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn l01_outage_stops_no_clock() {
    for (fault, strike) in FAULTS {
        let world = World::new();
        let token = world.sign_in().await;
        let mut client = world.client(&stack(&world.remote), &token);
        world.clock.advance(minutes(14));
        strike(&world.store);
        assert_eq!(answer(&mut client).await.status, 503, "{fault}");
        world.clock.advance(minutes(1));
        world.store.heal();
        assert_eq!(outcome(&client.get("/").await), "idle_timeout", "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn l08_slow_store_within_bound_is_waited_for() {
    let world = World::new();
    let token = world.sign_in().await;
    let mut client = world.client(&stack(&world.remote), &token);
    world.store.delay(Duration::from_millis(1_999));
    assert_eq!(outcome(&answer(&mut client).await), "ok");
    assert_eq!(world.events.count(EventKind::StoreUnavailable), 0);
}

#[tokio::test(start_paused = true)]
async fn l08_bound_can_be_set() {
    let world = World::new();
    let token = world.sign_in().await;
    let half = Duration::from_millis(500);
    let stack = stack(&world.remote).with_store_timeout(half);
    let mut client = world.client(&stack, &token);
    world.store.hang();
    let hung = tokio::time::timeout(Duration::from_millis(501), client.get("/")).await;
    assert_eq!(hung.expect("the wait is bounded").status, 503);
    world.store.delay(Duration::from_millis(499));
    assert_eq!(outcome(&client.get("/").await), "ok");
}

#[tokio::test(start_paused = true)]
async fn n23_outage_redirects_no_page_to_login() {
    for (fault, strike) in FAULTS {
        let world = World::new();
        let token = world.sign_in().await;
        for requirement in [SessionRequirement::Optional, SessionRequirement::Required] {
            let stack = stack(&world.remote)
                .with_login("/login")
                .with_requirement(requirement);
            let mut client = world.client(&stack, &token);
            strike(&world.store);
            for path in ["/", "/login"] {
                let page = [("sec-fetch-mode", "navigate"), ("accept", "text/html")];
                let answer = client.send(Method::GET, path, &page, "").await;
                assert_eq!(answer.status, 503, "{fault}: {path}");
                assert_eq!(answer.header("location"), None, "{fault}: {path}");
                assert_eq!(answer.header("set-cookie"), None, "{fault}: {path}");
            }
        }
        assert_eq!(world.probe.calls(), 0, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn l08_request_without_session_asks_no_store() {
    for (fault, strike) in FAULTS {
        let world = World::new();
        let stack = stack(&world.remote);
        let token = Token::generate().unwrap();
        let mut nobody = TestClient::new(world.app_of(&stack));
        let mut garbage = nobody.clone();
        garbage.set_cookie(COOKIE, "garbage");
        let mut other = nobody.clone();
        other.set_cookie("theme", token.expose());
        strike(&world.store);
        for client in [&mut nobody, &mut garbage, &mut other] {
            assert_eq!(outcome(&answer(client).await), "ok", "{fault}");
        }
        assert_eq!(
            (world.store.reads(), world.store.writes()),
            (0, 0),
            "{fault}"
        );
        assert_eq!(world.events.events(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn n49_failed_read_is_never_written_back() {
    for (fault, strike) in FAULTS {
        let world = World::new();
        let token = world.sign_in().await;
        let before = world.record(&token);
        let stack = stack(&world.remote);
        let mut client = world.client(&stack, &token);
        world.clock.advance(minutes(1));
        strike(&world.store);
        for path in ["/", "/login", "/rotate"] {
            assert_eq!(client.get(path).await.status, 503, "{fault}");
        }
        world.store.heal();
        stack.flush().await;
        assert_eq!(
            (world.store.reads(), world.store.writes()),
            (3, 0),
            "{fault}"
        );
        assert_eq!(
            (world.record(&token), world.memory.len()),
            (before, 1),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn panicking_store_fails_no_other_request() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    let other = world.hold(&client).await;
    world.store.panic();
    for _ in 0..3 {
        let mut client = client.clone();
        let request = tokio::spawn(async move { client.get("/").await });
        assert!(request.await.unwrap_err().is_panic());
    }
    assert_eq!(outcome(&world.finish(other).await), "ok");
    assert_eq!(
        outcome(&TestClient::new(world.app_of(&stack)).get("/").await),
        "ok"
    );
    world.store.heal();
    let calls = world.probe.calls();
    assert_eq!(outcome(&client.get("/").await), "ok");
    assert_eq!(world.probe.calls(), calls + 1);
}

/// The store answers the look-up, and fails when the session is to end.
#[tokio::test(start_paused = true)]
async fn l01_overdue_session_is_refused_though_its_end_fails() {
    for (fault, strike) in FAULTS {
        let world = World::new();
        let token = world.sign_in().await;
        world.clock.advance(minutes(15));
        let mut app = world.app(&world.remote);
        world.store.delay(seconds(1));
        let mut request = called(&mut app, get("/", &token)).await;
        assert!(poll_once(&mut request).await.is_pending());
        strike(&world.store);
        let answer = request.await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), world.probe.calls()),
            (401, 0),
            "{fault}"
        );
        assert_eq!(
            world.events.count(EventKind::StoreUnavailable),
            1,
            "{fault}"
        );
        assert_eq!(world.events.ends(), []);
        world.store.heal();
        world.reap().await;
        assert_eq!(world.events.ends(), [EndReason::IdleTimeout], "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn l05_unconfirmed_token_leaves_good_answer_good() {
    for (fault, strike) in FAULTS {
        let world = World::new();
        let token = world.sign_in_and_rotate().await;
        let mut client = world.client(&stack(&world.remote), &token);
        let request = world.hold(&client).await;
        strike(&world.store);
        let answer = world.finish(request).await;
        assert_eq!(outcome(&answer), "ok", "{fault}");
        assert_eq!(answer.header("set-cookie"), None, "{fault}");
        assert!(answer.header("session-timeout").is_some(), "{fault}");
        assert_eq!(
            world.events.count(EventKind::StoreUnavailable),
            1,
            "{fault}"
        );
        world.store.heal();
        assert!(!world.record(&token).credential.confirmed, "{fault}");
        assert_eq!(outcome(&client.get("/").await), "ok", "{fault}");
        assert!(world.record(&token).credential.confirmed, "{fault}");
    }
}
