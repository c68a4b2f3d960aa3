//! Exempt paths are served without a live session, and no other paths are.

use dwell_core::{EndReason, minutes};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::idle::SessionRequirement;

use crate::support::{Client, World, left, token};

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
    let world = World::new();
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
        let world = World::new();
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
        let world = World::new();
        let mut client = crate::support::signed_in(world.client_of(&stack(&world))).await;
        world.clock.advance(minutes(15));
        assert!(!is_served(&mut client, path).await, "{path}");
    }
}

#[tokio::test]
async fn path_climbing_out_of_exempt_folder_is_not_exempt() {
    // The service may resolve the dots before it looks for a file.
    let world = World::new();
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
    let world = World::new();
    let mut nobody = world.client_of(&world.stack().add_exempt_path("/"));
    assert!(is_served(&mut nobody, "/").await);
    assert!(!is_served(&mut nobody, "/accounts").await);
}

#[tokio::test]
async fn live_session_on_exempt_path_is_full_session() {
    let world = World::new();
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
    let optional = world.stack().with_requirement(SessionRequirement::Optional);
    let mut nobody = world.client_of(&optional);
    let answer = nobody.get("/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str()),
        (200, "nobody")
    );
    assert!(
        !is_served(&mut nobody, "/fresh/x").await,
        "a privileged route needs a session"
    );
    // An ended one is still refused, so that its holder learns the reason.
    let mut client = crate::support::signed_in(world.client_of(&optional)).await;
    world.clock.advance(minutes(15));
    assert_eq!(
        client.get("/").await.reason().as_deref(),
        Some("idle_timeout")
    );
    assert!(
        is_served(&mut client, "/").await,
        "and is anonymous afterwards"
    );

    let required = world.stack().with_requirement(SessionRequirement::Required);
    let mut nobody = world.client_of(&required);
    assert_eq!(
        nobody.get("/").await.reason().as_deref(),
        Some("session_required")
    );
    let by_default = SessionTimeoutLayer::new(&world.manager).without_reaper();
    assert!(is_served(&mut world.client_of(&by_default), "/").await);
}
