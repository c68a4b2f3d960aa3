//! Exempt paths are served without a live session, and no other paths are.

use dwell_core::{EndReason, minutes};
use dwell_tower::SessionTimeoutLayer;

use crate::support::{Client, World, get_with, left, outcome, set_cookies, token};

fn stack(world: &World) -> SessionTimeoutLayer {
    world
        .stack()
        .add_exempt_path("/help")
        .add_exempt_path("/assets/")
}

async fn is_served(client: &mut Client, path: &str) -> bool {
    let answer = client.get(path).await;
    match answer.status.as_u16() {
        200 => true,
        401 => false,
        other => panic!("{other}: {}", answer.text()),
    }
}

const EXEMPT: [&str; 5] = [
    "/help",
    "/help?topic=/",
    "/assets/",
    "/assets/a.css",
    "/assets/a/b.js",
];

const NOT_EXEMPT: [&str; 17] = [
    "/",
    "/help/",
    "/help/x",
    "/helpx",
    "/hel",
    "/Help",
    "/x/help",
    "//help",
    "/%68elp",
    "/help%2F",
    "/help;a=1",
    "/assets",
    "/assetsx",
    "/Assets/a.css",
    "/x/assets/a.css",
    "//assets/a.css",
    "/%61ssets/a.css",
];

#[tokio::test]
async fn exempt_paths_and_prefixes_are_served_without_session() {
    let world = World::required();
    let mut nobody = world.client_of(&stack(&world));
    for path in EXEMPT {
        assert!(is_served(&mut nobody, path).await, "{path}");
    }
    for path in NOT_EXEMPT {
        assert!(!is_served(&mut nobody, path).await, "{path}");
    }
}

#[tokio::test]
async fn exempt_paths_and_prefixes_are_served_after_end() {
    for path in EXEMPT {
        let world = World::required();
        let mut client = crate::support::signed_in(world.client_of(&stack(&world))).await;
        world.clock.advance(minutes(15));
        assert!(is_served(&mut client, path).await, "{path}");
        assert_eq!(
            world.events.ends(),
            [EndReason::IdleTimeout],
            "the end is still found"
        );
    }
    for path in NOT_EXEMPT {
        let world = World::required();
        let mut client = crate::support::signed_in(world.client_of(&stack(&world))).await;
        world.clock.advance(minutes(15));
        assert!(!is_served(&mut client, path).await, "{path}");
    }
}

#[tokio::test]
async fn path_climbing_out_of_exempt_folder_is_not_exempt() {
    // The service may resolve the dots before it looks for a file.
    let world = World::required();
    let mut nobody = world.client_of(&stack(&world));
    for path in [
        "/assets/../admin",
        "/assets/a/../../admin",
        "/assets/..",
        "/assets/%2e%2e/admin",
        "/assets/.%2E/admin",
        "/assets/..%2fadmin",
    ] {
        assert!(!is_served(&mut nobody, path).await, "{path}");
    }
    assert!(is_served(&mut nobody, "/assets/a..b.css").await);
    assert!(is_served(&mut nobody, "/assets/...").await);
}

#[tokio::test]
async fn single_slash_exempts_only_home_page() {
    let world = World::required();
    let mut nobody = world.client_of(&world.stack().add_exempt_path("/"));
    assert!(is_served(&mut nobody, "/").await);
    assert!(!is_served(&mut nobody, "/accounts").await);
}

#[tokio::test]
async fn live_session_on_exempt_path_is_full_session() {
    let world = World::required();
    let mut client = crate::support::signed_in(world.client_of(&stack(&world))).await;
    world.clock.advance(minutes(1));
    let answer = client.get("/help").await;
    assert_eq!((answer.text().as_str(), left(&answer).0), ("alice", 900));
    assert_eq!(
        world.facts(&token(&client)).last_active_at,
        dwell_core::Clock::now(&world.clock)
    );
}

#[tokio::test]
async fn session_is_required_only_when_configured() {
    let world = World::new();
    let mut nobody = world.client();
    assert_eq!(nobody.get("/open").await.text(), "nobody");
    assert!(
        !is_served(&mut nobody, "/fresh/x").await,
        "a privileged route needs a session"
    );
    let required = World::required();
    let mut nobody = required.client();
    assert_eq!(outcome(&nobody.get("/open").await), "session_required");
    let by_default = SessionTimeoutLayer::new(&required.manager).without_reaper();
    assert!(is_served(&mut required.client_of(&by_default), "/open").await);
}

/// Without a list of paths: public pages, assets, the first login.
#[tokio::test]
async fn n86_dead_session_is_anonymous_where_none_is_needed() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    for _ in 0..2 {
        let open = client.get("/open").await;
        assert_eq!((open.status.as_u16(), &*open.text()), (200, "nobody"));
        assert_eq!(open.header("session-timeout"), None);
        assert!(
            set_cookies(&open).is_empty(),
            "the reason is still to be told"
        );
    }
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
    let refused = client.get("/").await;
    assert_eq!(outcome(&refused), "idle_timeout");
    assert_eq!(set_cookies(&refused).len(), 1);
    assert_eq!(outcome(&client.get("/").await), "session_required");
}

#[tokio::test]
async fn n86_locked_session_is_anonymous_where_none_is_needed() {
    let world = World::locking();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    assert_eq!(client.get("/open").await.text(), "nobody");
    assert_eq!(outcome(&client.get("/").await), "session_locked");
}

#[tokio::test]
async fn n74_poll_leaves_reason_and_cookie_to_person() {
    for world in [World::new(), World::required()] {
        let mut client = world.signed_in().await;
        world.clock.advance(minutes(15));
        for _ in 0..3 {
            let poll = client.get("/passive/x").await;
            assert_eq!(outcome(&poll), "idle_timeout");
            assert!(set_cookies(&poll).is_empty());
        }
        assert_eq!(outcome(&client.get("/").await), "idle_timeout");
    }
}

#[tokio::test]
async fn l18_poll_ends_nothing() {
    for world in [World::new(), World::locking()] {
        let mut client = world.signed_in().await;
        let before = world.record(&token(&client));
        world.clock.advance(minutes(15));
        let passive = [("session-activity", "passive")];
        for fields in [&[][..], &[("sec-purpose", "prefetch")], &passive] {
            assert_eq!(
                get_with(&mut client, "/passive/x", fields).await.status,
                401
            );
        }
        assert_eq!(get_with(&mut client, "/", &passive).await.status, 401);
        assert_eq!(world.record(&token(&client)), before);
        assert_eq!(world.events.events().len(), 1, "the login");
    }
}
