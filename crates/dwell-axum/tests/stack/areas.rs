//! `?policy=admin`: how long an area stays open, beside the session's own time.

use axum::Router;
use axum::routing::get;
use dwell_axum::*;
use serde_json::{Value, json};

use crate::support::{Client, World, document, outcome};

const MS: std::time::Duration = std::time::Duration::from_millis(1);

/// `admin` has five minutes and one hour, and warns for 30 seconds.
fn with_admin() -> PolicySet {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let admin = Policy::named("admin").idle(minutes(5)).absolute(hours(1));
    PolicySet::builder(default.granularity(seconds(1)))
        .policy(admin.warn(seconds(30)))
        .build()
        .unwrap()
}

fn routes() -> Router {
    let page = get(async |_: Session| "page");
    Router::new()
        .route("/admin", page.clone().layer(policy("admin")))
        .route("/page", page)
}

async fn area(client: &mut Client) -> Value {
    document(&client.get("/session?policy=admin").await)["area"].clone()
}

#[tokio::test]
async fn n55_document_tells_time_of_area_too() {
    let world = World::with(with_admin());
    let mut alice = world.alice(routes()).await;
    world.clock.advance(minutes(1));
    let document = document(&alice.get("/session?policy=admin").await);
    assert_eq!(document["remaining_ms"], 840_000, "the session's own");
    let expected = json!({
        "policy": "admin",
        "remaining_ms": 240_000,
        "warn_ms": 30_000,
        "extendable": true,
        "ends_by": "step_up_required",
    });
    assert_eq!(document["area"], expected);
    let plain = crate::support::document(&alice.get("/session").await);
    assert_eq!(plain.get("area"), None, "nobody asked");
}

#[tokio::test]
async fn n55_document_and_area_agree_to_the_millisecond() {
    let world = World::with(with_admin());
    let mut alice = world.alice(routes()).await;
    for _ in 0..3 {
        world.clock.advance(minutes(5) - MS);
        assert_eq!(area(&mut alice).await["remaining_ms"], 1);
        assert_eq!(alice.get("/admin").await.status, 200);
    }
    world.clock.advance(minutes(5));
    assert_eq!(area(&mut alice).await["remaining_ms"], 0);
    assert_eq!(outcome(&alice.get("/admin").await), "401 step_up_required");
    // Activity elsewhere goes on with the session, and opens no area.
    assert_eq!(alice.get("/page").await.status, 200);
    let closed = area(&mut alice).await;
    assert_eq!(
        (&closed["remaining_ms"], &closed["extendable"]),
        (&json!(0), &json!(false))
    );
    assert_eq!(alice.post("/reauthenticate", "").await.status, 200);
    assert_eq!(area(&mut alice).await["remaining_ms"], 300_000);
    assert_eq!(alice.get("/admin").await.status, 200);
}

#[tokio::test]
async fn n55_age_of_authentication_closes_area_whatever_happens() {
    let world = World::with(with_admin());
    let mut alice = world.alice(routes()).await;
    for _ in 0..14 {
        world.clock.advance(minutes(4));
        assert_eq!(alice.get("/admin").await.status, 200);
    }
    let last = area(&mut alice).await;
    assert_eq!(
        (&last["remaining_ms"], &last["extendable"]),
        (&json!(240_000), &json!(false))
    );
}

#[tokio::test]
async fn n55_extending_and_input_move_area() {
    let world = World::with(with_admin());
    let mut alice = world.alice(routes()).await;
    world.clock.advance(minutes(4));
    let extended = document(&alice.post("/session/extend?policy=admin", "").await);
    assert_eq!(extended["area"]["remaining_ms"], 300_000);
    world.clock.advance(minutes(4));
    let input = r#"{"idle_ms": 60000}"#;
    let reported = alice.post("/session/activity?policy=admin", input).await;
    assert_eq!(document(&reported)["area"]["remaining_ms"], 240_000);
}

#[tokio::test]
async fn n55_unknown_policies_are_422_and_change_nothing() {
    let world = World::with(with_admin());
    let mut alice = world.alice(routes()).await;
    let long = format!("/session?policy={}", "a".repeat(1_024));
    let before = world.record(&alice);
    for path in [
        "/session?policy=nobody",
        "/session?policy=",
        "/session?policy=Admin",
        "/session?policy=admin&policy=admin",
        "/session?policy=admin%00",
        "/session?policy=%FF%FE",
        "/session/events?policy=nobody",
        long.as_str(),
    ] {
        let answer = alice.get(path).await;
        assert_eq!(outcome(&answer), "422 unknown_policy", "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    world.clock.advance(minutes(1));
    for path in ["/session/extend?policy=nobody", "/session/activity?policy="] {
        let answer = alice.post(path, r#"{"idle_ms": 0}"#).await;
        assert_eq!(outcome(&answer), "422 unknown_policy", "{path}");
    }
    assert_eq!(world.record(&alice), before);
}

#[tokio::test]
async fn n55_nobody_learns_names_of_policies_without_session() {
    let world = World::with(with_admin());
    let mut nobody = Client::new(world.app(routes()));
    for policy in ["admin", "nobody"] {
        let answer = nobody.get(&format!("/session?policy={policy}")).await;
        assert_eq!(outcome(&answer), "401 session_required");
    }
}
