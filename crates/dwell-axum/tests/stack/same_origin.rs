//! The session endpoints accept `POST`s of the same origin only.

use axum::Router;
use dwell_axum::*;
use http::Method;

use crate::support::{World, idle_left, outcome, verdict};

const POSTS: [(&str, &str); 3] = [
    ("/session/extend", ""),
    ("/session/activity", r#"{"idle_ms": 0}"#),
    ("/session/end", ""),
];

const HOST: (&str, &str) = ("host", "bank.example");
const OURS: (&str, &str) = ("origin", "https://bank.example");

#[tokio::test]
async fn post_from_other_origin_is_403_and_changes_nothing() {
    let foreign: [&[(&str, &str)]; 15] = [
        &[HOST],
        &[OURS],
        &[HOST, ("sec-fetch-site", "cross-site")],
        &[HOST, ("sec-fetch-site", "same-site")],
        &[HOST, ("sec-fetch-site", "none")],
        &[HOST, ("sec-fetch-site", "")],
        &[HOST, ("sec-fetch-site", "Same-Origin")],
        &[HOST, OURS, ("sec-fetch-site", "cross-site")],
        &[
            HOST,
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        ],
        &[HOST, ("origin", "https://evil.example")],
        &[HOST, ("origin", "https://bank.example.evil.example")],
        &[HOST, ("origin", "https://bank.example:8443")],
        &[HOST, ("origin", "null")],
        &[HOST, OURS, ("origin", "https://evil.example")],
        &[HOST, ("origin", "bank.example")],
    ];
    for (path, body) in POSTS {
        for headers in foreign {
            let world = World::new();
            let mut alice = world.alice(Router::new()).await;
            world.clock.advance(minutes(10));
            let before = world.record(&alice);
            let json = [("content-type", "application/json")];
            let headers: Vec<_> = json.iter().chain(headers).copied().collect();
            let answer = alice.send(Method::POST, path, &headers, body).await;
            assert_eq!(
                outcome(&answer),
                "403 not_same_origin",
                "{path} {headers:?}"
            );
            assert_eq!(
                answer.header("content-type"),
                Some("application/problem+json")
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("clear-site-data"), None);
            assert_eq!(idle_left(&answer), 300, "{path} {headers:?}");
            assert_eq!(world.record(&alice), before, "{path} {headers:?}");
            assert_eq!(world.events.kinds(), [EventKind::SessionCreated]);
        }
    }
}

#[tokio::test]
async fn post_from_same_origin_is_accepted() {
    let own: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "same-origin")],
        &[HOST, ("sec-fetch-site", "same-origin"), OURS],
        &[HOST, OURS],
        &[
            ("host", "Bank.Example:8443"),
            ("origin", "https://bank.example:8443"),
        ],
    ];
    for (path, body) in POSTS {
        for headers in own {
            let world = World::new();
            let mut alice = world.alice(Router::new()).await;
            let json = [("content-type", "application/json")];
            let headers: Vec<_> = json.iter().chain(headers).copied().collect();
            let answer = alice.send(Method::POST, path, &headers, body).await;
            assert_eq!(outcome(&answer), "ok", "{path} {headers:?}");
        }
    }
}

/// HTTP/2 has no `Host`: the request's target names the authority.
#[tokio::test]
async fn origin_compared_with_targets_authority() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    let extend = "https://bank.example/session/extend";
    let answer = alice.send(Method::POST, extend, &[OURS], "").await;
    assert_eq!(outcome(&answer), "ok");
    // A `Host` field beside it is ignored.
    let other = [HOST, OURS];
    let extend = "https://evil.example/session/extend";
    let answer = alice.send(Method::POST, extend, &other, "").await;
    assert_eq!(outcome(&answer), "403 not_same_origin");
}

#[tokio::test]
async fn other_origins_post_without_session_is_403_too() {
    let world = World::new();
    let mut nobody = world.client(Router::new());
    for (path, body) in POSTS {
        let foreign = [("sec-fetch-site", "cross-site")];
        let answer = nobody.send(Method::POST, path, &foreign, body).await;
        assert_eq!(outcome(&answer), "403 not_same_origin", "{path}");
        assert_eq!(answer.header("clear-site-data"), None, "{path}");
    }
}

#[tokio::test]
async fn l02_posts_from_other_origins_keep_nobody_signed_in() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    for _ in 0..14 {
        world.clock.advance(minutes(1));
        for (path, body) in POSTS {
            let foreign = [("sec-fetch-site", "cross-site")];
            let answer = alice.send(Method::POST, path, &foreign, body).await;
            assert_eq!(answer.status, 403, "{path}");
        }
    }
    world.clock.advance(minutes(1));
    assert_eq!(verdict(&mut alice).await, "401 idle_timeout");
}

#[tokio::test]
async fn status_needs_no_origin() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    for headers in [&[("sec-fetch-site", "cross-site")][..], &[]] {
        let answer = alice.send(Method::GET, "/session", headers, "").await;
        assert_eq!(outcome(&answer), "ok", "{headers:?}");
    }
}
