//! Policies, route policies and networks: a stricter rule cuts at once, a laxer one
//! revives nothing.

use std::net::IpAddr;

use dwell_core::{Policy, PolicySet, hours, minutes, seconds};
use dwell_tower::SessionTimeoutLayer;

use crate::support::{
    MS, Node, Reader, SECOND, World, default_policy, event_stream, get, pass, policies, with_answer,
};

#[tokio::test(start_paused = true)]
async fn l06_stricter_policy_cuts_overdue_stream_at_once() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (_feed, reader) = node.events(&token).await;
        pass(minutes(8)).await;
        let stricter = policies(default_policy().idle(minutes(7)), minutes(5));
        node.manager().policies().replace(stricter);
        pass(MS).await;
        assert!(!reader.is_open(), "{name}");
        assert_eq!(reader.end().await.reason(), "idle_timeout", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l06_stricter_policy_that_leaves_time_moves_cut_forward() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (_feed, idle) = node.events(&token).await;
        pass(minutes(2)).await;
        let policy = default_policy().idle(minutes(10)).absolute(minutes(10));
        node.manager()
            .policies()
            .replace(policies(policy, minutes(5)));
        pass(minutes(8) - MS).await;
        assert!(idle.is_open(), "{name}");
        let ended = idle.ends_after(minutes(10)).await;
        assert_eq!(ended.reason(), "absolute_timeout", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l06_laxer_policy_revives_nothing() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (_feed, cut) = node.events(&token).await;
        let (_feed, kept) = node.events(&token).await;
        pass(minutes(10)).await;
        let laxer = default_policy().idle(hours(1)).absolute(hours(12));
        node.manager()
            .policies()
            .replace(policies(laxer, minutes(5)));
        // No activity followed.
        let ended = cut.ends_after(minutes(15)).await;
        assert_eq!(ended.reason(), "idle_timeout", "{name}");
        assert_eq!(kept.ends_after(minutes(15)).await.reason(), "idle_timeout");
        assert!(!node.serves(&token).await, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l06_laxer_policy_moves_cut_after_activity() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let (_feed, reader) = node.events(&token).await;
    pass(minutes(10)).await;
    let laxer = default_policy().idle(hours(1)).absolute(hours(12));
    node.manager()
        .policies()
        .replace(policies(laxer, minutes(5)));
    assert_eq!(node.get("/", &token).await.status(), 200);
    let ended = reader.ends_after(minutes(70)).await;
    assert_eq!(ended.reason(), "idle_timeout");
}

#[tokio::test(start_paused = true)]
async fn n54_area_cuts_only_its_own_streams() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (_feed, others) = node.events(&token).await;
        let (_feed, of_route) = node.events_at("/admin/events", Some(&token)).await;
        pass(minutes(5) - MS).await;
        assert!(of_route.is_open(), "{name}");
        let ended = of_route.ends_after(minutes(5)).await;
        assert_eq!(ended.reason(), "step_up_required", "{name}");
        assert!(others.is_open(), "{name}: the session is live");
        assert!(node.serves(&token).await, "{name}");
        let ended = others.ends_after(minutes(15)).await;
        assert_eq!(ended.reason(), "idle_timeout", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l06_activity_elsewhere_keeps_stream_of_route_open() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let (_feed, reader) = node.events_at("/admin/events", Some(&token)).await;
    for _ in 0..5 {
        pass(minutes(4)).await;
        assert_eq!(node.get("/", &token).await.status(), 200);
    }
    let ended = reader.ends_after(minutes(25)).await;
    assert_eq!(ended.reason(), "step_up_required");
}

/// Policies in which `admin` has another number than before.
fn renumbered(admin: u64) -> PolicySet {
    let named = |name| Policy::named(name).idle(minutes(9));
    PolicySet::builder(default_policy())
        .policy(named("aaa"))
        .policy(named("bbb"))
        .policy(Policy::named("admin").idle(minutes(admin)))
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn l06_route_keeps_its_policy_when_reload_renumbers() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let (_feed, reader) = node.events_at("/admin/events", Some(&token)).await;
    pass(minutes(1)).await;
    node.manager().policies().replace(renumbered(3));
    pass(minutes(2) - MS).await;
    assert!(reader.is_open());
    let ended = reader.ends_after(minutes(3)).await;
    assert_eq!(ended.reason(), "step_up_required");
}

#[tokio::test(start_paused = true)]
async fn l16_policy_removed_by_reload_closes_streams_of_its_routes() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let (_feed, others) = node.events(&token).await;
    let (_feed, of_route) = node.events_at("/admin/events", Some(&token)).await;
    pass(minutes(1)).await;
    let without = PolicySet::builder(default_policy()).build().unwrap();
    node.manager().policies().replace(without);
    pass(MS).await;
    assert!(!of_route.is_open());
    assert_eq!(of_route.end().await.reason(), "session_required");
    assert!(others.is_open());
}

/// A client's address, in a request's extensions.
#[derive(Clone, Copy)]
struct From(IpAddr);

#[tokio::test(start_paused = true)]
async fn l07_stream_is_judged_by_network_it_was_opened_from() {
    let offices = PolicySet::builder(default_policy());
    let offices = offices.network("office", ["10.0.0.0/8"], minutes(30));
    let world = World::with(offices.build().unwrap());
    let token = world.sign_in().await;
    let stack = SessionTimeoutLayer::new(&world.local).without_reaper();
    let node = Node::of(stack.with_peer(|extensions| Some(extensions.get::<From>()?.0)));
    let open = async |from: [u8; 4]| {
        let (feed, answer) = event_stream();
        let mut request = with_answer(get("/events", Some(&token)), answer);
        request.extensions_mut().insert(From(from.into()));
        let answer = node.send(request).await;
        (feed, Reader::of(answer.into_body()))
    };
    pass(seconds(20)).await;
    let (_feed, cafe) = open([192, 0, 2, 1]).await;
    pass(seconds(20)).await;
    // Activity from the office: 30 minutes there, 15 elsewhere.
    let (_feed, office) = open([10, 0, 0, 1]).await;
    let cafe = cafe.ends_after(minutes(15) + seconds(20)).await;
    assert_eq!(cafe.reason(), "idle_timeout");
    pass(SECOND).await;
    assert!(office.is_open());
    assert_eq!(
        office.ends_after(minutes(30)).await.reason(),
        "idle_timeout"
    );
}
