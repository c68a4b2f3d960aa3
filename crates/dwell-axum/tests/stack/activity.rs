//! `POST /session/activity`: reports of earlier input.

use std::time::Duration;

use axum::Router;
use dwell_axum::*;
use http::Method;

use crate::support::{Client, World, document, idle_left, outcome, post_with, set_cookies};

const PATH: &str = "/session/activity";

/// Alice, whose last recorded activity was ten minutes ago.
async fn idle_alice(world: &World) -> Client {
    let alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(10));
    alice
}

#[tokio::test]
async fn input_counts_from_when_it_happened() {
    let world = World::new();
    let mut alice = idle_alice(&world).await;
    let answer = alice.post(PATH, r#"{"idle_ms": 1200}"#).await;
    let now = document(&answer);
    assert_eq!(now["now"], "2026-01-01T00:10:00.000Z");
    assert_eq!(now["idle_deadline"], "2026-01-01T00:24:58.800Z");
    assert_eq!(now["remaining_ms"], 15 * 60_000 - 1_200);
    assert_eq!(idle_left(&answer), 898);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(world.idle(&alice), Duration::from_millis(1_200));
    // A report is no explicit extension, and its request is no activity.
    assert_eq!(world.events.kinds(), [EventKind::SessionCreated]);
}

#[tokio::test]
async fn input_just_now_counts_now_and_never_later() {
    let world = World::new();
    let mut alice = idle_alice(&world).await;
    let now = document(&alice.post(PATH, r#"{"idle_ms": 0}"#).await);
    assert_eq!(now["remaining_ms"], 15 * 60_000);
    assert_eq!(world.idle(&alice), Duration::ZERO);
}

#[tokio::test]
async fn l05_input_before_last_recorded_activity_moves_nothing() {
    let world = World::new();
    let mut alice = idle_alice(&world).await;
    let before = world.record(&alice);
    // As old as the last activity, older, and a day, the oldest that is accepted.
    for idle_ms in [600_000_u64, 600_001, 3_600_000, 86_400_000] {
        let body = format!(r#"{{"idle_ms": {idle_ms}}}"#);
        let now = document(&alice.post(PATH, &body).await);
        assert_eq!(now["remaining_ms"], 300_000, "{idle_ms}");
        assert_eq!(world.record(&alice), before, "{idle_ms}");
    }
}

#[tokio::test]
async fn input_within_granularity_not_recorded_again() {
    let world = World::new();
    let mut alice = idle_alice(&world).await;
    let before = world.record(&alice);
    let answer = alice.post(PATH, r#"{"idle_ms": 585001}"#).await;
    assert_eq!(document(&answer)["remaining_ms"], 300_000);
    assert_eq!(world.record(&alice), before);
    let answer = alice.post(PATH, r#"{"idle_ms": 585000}"#).await;
    assert_eq!(document(&answer)["remaining_ms"], 315_000);
}

#[tokio::test]
async fn reports_of_old_input_keep_nobody_signed_in() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    for passed in 1..15_u64 {
        world.clock.advance(minutes(1));
        let body = format!(r#"{{"idle_ms": {}}}"#, passed * 60_000);
        assert_eq!(alice.post(PATH, &body).await.status, 200);
    }
    world.clock.advance(minutes(1));
    assert_eq!(
        outcome(&alice.post(PATH, r#"{"idle_ms": 0}"#).await),
        "401 idle_timeout"
    );
}

#[tokio::test]
async fn l03_input_does_not_move_absolute_deadline() {
    let world = World::new();
    let mut alice = idle_alice(&world).await;
    let now = document(&alice.post(PATH, r#"{"idle_ms": 0}"#).await);
    assert_eq!(now["absolute_deadline"], "2026-01-01T08:00:00.000Z");
}

#[tokio::test]
async fn bad_activity_body_is_422_and_changes_nothing() {
    let world = World::new();
    let mut alice = idle_alice(&world).await;
    let before = world.record(&alice);
    for body in [
        r#"{"idle_ms": -1}"#,
        r#"{"idle_ms": -0.0}"#,
        r#"{"idle_ms": 1.5}"#,
        r#"{"idle_ms": 1.0}"#,
        r#"{"idle_ms": 1e3}"#,
        r#"{"idle_ms": "1200"}"#,
        r#"{"idle_ms": ""}"#,
        r#"{"idle_ms": null}"#,
        r#"{"idle_ms": true}"#,
        r#"{"idle_ms": [1200]}"#,
        r#"{"idle_ms": {"ms": 1200}}"#,
        r#"{"idle_ms": NaN}"#,
        r#"{"idle_ms": 01}"#,
        r#"{"idle_ms": 86400001}"#,
        r#"{"idle_ms": 18446744073709551615}"#,
        r#"{"idle_ms": 18446744073709551616}"#,
        r#"{"idle_ms": 99999999999999999999999999999999}"#,
        r#"{"idle_ms": 0, "idle_ms": 0}"#,
        r#"{"idle_ms": 0, "more": 1}"#,
        r#"{"idle_ms": 0} {}"#,
        r#"{"idle_ms": 0"#,
        r#"{"Idle_Ms": 0}"#,
        "{}",
        "[]",
        "0",
        "null",
        "",
        "idle_ms=0",
    ] {
        let answer = alice.post(PATH, body).await;
        assert_eq!(outcome(&answer), "422 bad_idle_ms", "{body}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(set_cookies(&answer).is_empty(), "{body}");
        assert_eq!(world.record(&alice), before, "{body}");
        assert_eq!(idle_left(&answer), 300, "{body}");
    }
}

#[tokio::test]
async fn list_instead_of_object_is_422() {
    let world = World::new();
    let mut alice = idle_alice(&world).await;
    let before = world.record(&alice);
    assert_eq!(outcome(&alice.post(PATH, "[0]").await), "422 bad_idle_ms");
    assert_eq!(world.record(&alice), before);
}

#[tokio::test]
async fn other_media_type_is_415_and_changes_nothing() {
    let world = World::new();
    let mut alice = idle_alice(&world).await;
    let before = world.record(&alice);
    for media_type in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/jsonx"),
        Some("application/json-seq"),
        Some("text/plain; application/json"),
        Some("application/problem+json"),
    ] {
        let mut headers = vec![("sec-fetch-site", "same-origin")];
        headers.extend(media_type.map(|value| ("content-type", value)));
        // Also with a malformed body, because the body is not read.
        for body in [r#"{"idle_ms": 0}"#, "nonsense"] {
            let answer = alice.send(Method::POST, PATH, &headers, body).await;
            assert_eq!(outcome(&answer), "415 not_json", "{media_type:?}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(world.record(&alice), before, "{media_type:?}");
        }
    }
}

#[tokio::test]
async fn json_media_type_in_any_case_with_parameters() {
    for media_type in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json ;charset=utf-8",
    ] {
        let world = World::new();
        let mut alice = idle_alice(&world).await;
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("content-type", media_type),
        ];
        let answer = alice
            .send(Method::POST, PATH, &headers, r#"{"idle_ms":0}"#)
            .await;
        assert_eq!(document(&answer)["remaining_ms"], 900_000, "{media_type}");
    }
}

#[tokio::test]
async fn body_over_one_kilobyte_is_413_and_changes_nothing() {
    let world = World::new();
    let mut alice = idle_alice(&world).await;
    let before = world.record(&alice);
    let body = |length| format!("{:length$}", r#"{"idle_ms": 0}"#);
    assert_eq!(alice.post(PATH, &body(1_025)).await.status, 413);
    assert_eq!(world.record(&alice), before);
    assert_eq!(alice.post(PATH, &body(1_024)).await.status, 200);
    assert_eq!(world.idle(&alice), Duration::ZERO);
}

/// The report is in the body. How the request is marked does not matter, because
/// the request itself is no activity.
#[tokio::test]
async fn input_counts_in_request_declared_passive() {
    let world = World::new();
    let mut alice = idle_alice(&world).await;
    let passive = [("session-activity", "passive")];
    let answer = post_with(&mut alice, PATH, &passive, r#"{"idle_ms": 60000}"#).await;
    assert_eq!(document(&answer)["remaining_ms"], 14 * 60_000);
}

#[tokio::test]
async fn input_after_end_is_401_and_revives_nothing() {
    let world = World::new();
    let mut alice = idle_alice(&world).await;
    let mut tab = alice.clone();
    world.clock.advance(minutes(5));
    // A late report of input before the deadline is too late as well.
    let answer = alice.post(PATH, r#"{"idle_ms": 60000}"#).await;
    assert_eq!(outcome(&answer), "401 idle_timeout");
    assert_eq!(outcome(&tab.get("/").await), "401 idle_timeout");
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}
