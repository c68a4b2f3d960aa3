//! Which requests move the idle deadline, over HTTP.

use std::convert::Infallible;

use dwell_core::{Clock, Policy, PolicySet, Unmarked, hours, minutes, seconds};
use dwell_testkit::TestClient;
use dwell_tower::activity::{ActivityLayer, MarkLayer};
use dwell_tower::idle::IdleTimeoutLayer;
use dwell_tower::network::NetworkLayer;
use dwell_tower::session::SessionLayer;
use http::Method;
use tower::Layer;

use crate::support::{Client, Inner, World, get_with, left, outcome, served, token, verdict};

/// Whether a request moved the last activity, by the store and by the answer.
async fn touches(
    world: &World,
    client: &mut Client,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
) -> bool {
    client.get("/reauthenticate").await;
    verdict(client).await;
    let before = world.facts(&token(client));
    assert_eq!(before.last_active_at, world.clock.now());
    world.clock.advance(minutes(1));
    let answer = client.send(method, path, headers, "").await;
    let facts = world.facts(&token(client));
    let moved = facts.last_active_at != before.last_active_at;
    assert_eq!(
        moved,
        facts.idle_deadline != before.idle_deadline,
        "{path}: never half of it"
    );
    assert_eq!(
        left(&answer).0,
        if moved { 900 } else { 840 },
        "{path} {headers:?}"
    );
    moved
}

async fn get_touches(world: &World, client: &mut Client, path: &str) -> bool {
    touches(world, client, Method::GET, path, &[]).await
}

#[tokio::test]
async fn n09_refused_or_failed_request_is_no_activity() {
    let world = World::new();
    let mut client = world.signed_in().await;
    for status in [401, 403, 404, 405, 410, 429, 500, 501, 502, 503, 599] {
        for path in ["/", "/active/x", "/admin/x"] {
            let path = format!("{path}?status={status}");
            let moved = touches_on_route(&world, &mut client, &path).await;
            assert!(!moved, "{path}");
        }
    }
    for status in [200, 204, 302, 304, 400, 409, 422] {
        let path = format!("/?status={status}");
        assert!(get_touches(&world, &mut client, &path).await, "{path}");
    }
}

/// An old page polls a route that has another name now.
#[tokio::test]
async fn n70_poll_of_route_that_is_gone_keeps_nobody_signed_in() {
    for status in [404, 405, 410] {
        let world = World::new();
        let mut client = world.signed_in().await;
        for _ in 0..89 {
            world.clock.advance(seconds(10));
            let answer = client.get(&format!("/?status={status}")).await;
            assert_eq!(answer.status, status);
        }
        world.clock.advance(seconds(10));
        assert_eq!(outcome(&client.get("/").await), "idle_timeout");
    }
}

/// Whether a request to a route with its own limit moved the last activity.
async fn touches_on_route(world: &World, client: &mut Client, path: &str) -> bool {
    client.get("/reauthenticate").await;
    verdict(client).await;
    let before = world.facts(&token(client));
    world.clock.advance(minutes(1));
    client.get(path).await;
    world.facts(&token(client)) != before
}

#[tokio::test]
async fn n09_refused_request_never_counts() {
    let world = World::new();
    let mut client = world.signed_in().await;
    for _ in 0..14 {
        world.clock.advance(minutes(1));
        assert_eq!(client.get("/?status=403").await.status, 403);
    }
    world.clock.advance(minutes(1));
    assert_eq!(verdict(&mut client).await, "idle_timeout");
}

#[tokio::test]
async fn l02_passive_routes_do_not_move_idle_deadline() {
    let world = World::new();
    let mut client = world.signed_in().await;
    assert!(!get_touches(&world, &mut client, "/passive").await);
    assert!(!touches(&world, &mut client, Method::POST, "/passive/poll", &[]).await);
    assert!(get_touches(&world, &mut client, "/").await);
    assert!(get_touches(&world, &mut client, "/active/x").await);

    client.get("/reauthenticate").await;
    for _ in 0..89 {
        world.clock.advance(std::time::Duration::from_secs(10));
        assert_eq!(verdict(&mut client).await, "ok");
    }
    world.clock.advance(std::time::Duration::from_secs(10));
    assert_eq!(verdict(&mut client).await, "idle_timeout");
}

#[tokio::test]
async fn l02_prefetch_and_cross_site_fetch_are_no_activity() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let cross = ("sec-fetch-site", "cross-site");
    let top = [
        cross,
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let passive: &[&[(&'static str, &str)]] = &[
        &[("sec-purpose", "prefetch")],
        &[("sec-purpose", "prefetch;prerender")],
        &[("purpose", "prefetch")],
        &[cross],
        &[
            cross,
            ("sec-fetch-mode", "no-cors"),
            ("sec-fetch-dest", "image"),
        ],
        &[
            cross,
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "iframe"),
        ],
        &[top[0], top[1], top[2], ("sec-purpose", "prefetch")],
    ];
    for headers in passive {
        for path in ["/", "/active/x"] {
            let moved = touches(&world, &mut client, Method::GET, path, headers).await;
            assert!(!moved, "{path} {headers:?}");
        }
    }
    let active: &[&[(&'static str, &str)]] = &[
        &top,
        &[
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "cors"),
        ],
        &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
    ];
    for headers in active {
        assert!(
            touches(&world, &mut client, Method::GET, "/", headers).await,
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn l17_declarations_only_weaken() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let active = [("session-activity", "active")];
    let get = Method::GET;
    assert!(!touches(&world, &mut client, get.clone(), "/passive", &active).await);
    assert!(touches(&world, &mut client, get.clone(), "/", &active).await);
    for odd in [
        "passive",
        "Active",
        "ACTIVE",
        "",
        "yes",
        "active, active",
        "active;q=1",
    ] {
        for path in ["/", "/active/x"] {
            let headers = [("session-activity", odd)];
            let moved = touches(&world, &mut client, get.clone(), path, &headers).await;
            assert!(!moved, "{path} {odd:?}");
        }
    }
    let twice = [active[0], active[0]];
    assert!(!touches(&world, &mut client, get.clone(), "/", &twice).await);
    // It is still refused.
    let refused = touches(&world, &mut client, get, "/?status=403", &active).await;
    assert!(!refused);
}

#[tokio::test]
async fn l17_garbled_or_doubled_fetch_metadata_is_passive() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let site = |value| ("sec-fetch-site", value);
    for headers in [
        vec![site("Same-Origin")],
        vec![site("")],
        vec![site("same-origin"), site("same-origin")],
        vec![site("cross-site"), site("same-origin")],
    ] {
        let moved = touches(&world, &mut client, Method::GET, "/", &headers).await;
        assert!(!moved, "{headers:?}");
    }
}

#[tokio::test]
async fn n06_browser_refreshes_are_no_activity() {
    let world = World::new();
    let mut client = world.signed_in().await;
    for path in ["/", "/active/refresh"] {
        for name in ["sec-secure-session-id", "secure-session-response"] {
            let headers = [(name, "\"s1\"")];
            let moved = touches(&world, &mut client, Method::POST, path, &headers).await;
            assert!(!moved, "{path} {name}");
        }
        let preflight = touches(&world, &mut client, Method::OPTIONS, path, &[]).await;
        assert!(!preflight, "{path}");
    }
    // Not even if the refresh rotates the token.
    let before = world.facts(&token(&client));
    let headers = [("sec-secure-session-id", "\"s1\"")];
    world.clock.advance(minutes(1));
    let answer = get_with(&mut client, "/rotate", &headers).await;
    let after = world.facts(&token(&client));
    assert_eq!(answer.status, 200);
    assert_eq!(after.last_active_at, before.last_active_at);
    assert_eq!(after.idle_deadline, before.idle_deadline);
}

#[tokio::test]
async fn n03_only_marked_requests_count_in_strict_mode() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let strict = default.unmarked(Unmarked::Passive);
    let world = World::with(PolicySet::builder(strict).build().unwrap());
    let mut client = world.signed_in().await;
    let active = [("session-activity", "active")];
    let get = Method::GET;
    assert!(!get_touches(&world, &mut client, "/").await);
    assert!(get_touches(&world, &mut client, "/active/x").await);
    assert!(touches(&world, &mut client, get.clone(), "/", &active).await);
    assert!(!touches(&world, &mut client, get.clone(), "/passive", &active).await);
    let twice = [active[0], active[0]];
    assert!(!touches(&world, &mut client, get.clone(), "/", &twice).await);
    let prefetch = [active[0], ("sec-purpose", "prefetch")];
    assert!(!touches(&world, &mut client, get, "/", &prefetch).await);
}

/// One of the layers inside the session layer.
fn add(layer: usize, inner: Inner<Infallible>) -> Inner<Infallible> {
    Inner::new(match layer {
        0 => served(NetworkLayer::new().layer(inner)),
        1 => served(ActivityLayer::new().layer(inner)),
        2 => served(IdleTimeoutLayer::new().layer(inner)),
        _ => served(MarkLayer::active().layer(inner)),
    })
}

#[tokio::test]
async fn n04_request_is_judged_alike_in_every_layer_order() {
    let orders = (0..256).map(|n: usize| [n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6]);
    let permutations = orders.filter(|order| (0..4).all(|layer| order.contains(&layer)));
    let mut seen = 0;
    for order in permutations {
        seen += 1;
        let world = World::new();
        let app = order
            .iter()
            .fold(world.handlers(), |inner, layer| add(*layer, inner));
        let session = SessionLayer::new(&world.manager).without_reaper();
        let mut client = TestClient::new(served(session.layer(app)));
        client.get("/login").await;
        let get = Method::GET;
        assert!(
            touches(&world, &mut client, get.clone(), "/", &[]).await,
            "{order:?}"
        );
        assert!(
            !touches(&world, &mut client, get.clone(), "/passive", &[]).await,
            "{order:?}"
        );
        let declared = [("session-activity", "passive")];
        assert!(
            !touches(&world, &mut client, get.clone(), "/", &declared).await,
            "{order:?}"
        );
        let cross = [("sec-fetch-site", "cross-site")];
        assert!(
            !touches(&world, &mut client, get, "/", &cross).await,
            "{order:?}"
        );
        world.clock.advance(minutes(15));
        let refused = client.get("/").await;
        assert_eq!(
            refused.reason().as_deref(),
            Some("idle_timeout"),
            "{order:?}"
        );
    }
    assert_eq!(seen, 24);
}
