//! A stream is cut within a second of its session's deadline and not before. The
//! deadline moves with activity elsewhere.

use dwell_core::{AdoptedSession, EndReason, NewSession, OnIdle, hours, minutes, seconds};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::session::AdoptedSource;

use crate::support::{
    MS, Node, Reader, SECOND, World, default_policy, event_stream, get, pass, policies, with_answer,
};

#[tokio::test(start_paused = true)]
async fn l14_event_stream_ends_at_idle_deadline_with_last_event() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (feed, reader) = node.events(&token).await;
        feed.say("data: 1\n\n");
        pass(minutes(15) - MS).await;
        assert!(reader.is_open(), "{name}: cut before the deadline");
        let ended = reader.ends_after(minutes(15)).await;
        let last = "event: session-expired\ndata: {\"reason\":\"idle_timeout\"}\n\n";
        assert_eq!(ended.text, format!("data: 1\n\n{last}"), "{name}");
        assert!(ended.error.is_none(), "{name}");
        assert!(!feed.is_read(), "{name}: the handler's body was dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn l14_event_stream_ends_at_absolute_deadline_despite_activity() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let (_feed, reader) = node.events(&token).await;
    for _ in 0..47 {
        pass(minutes(10)).await;
        assert!(node.get("/", &token).await.status() == 200);
    }
    pass(minutes(10) - MS).await;
    assert!(reader.is_open());
    let ended = reader.ends_after(hours(8)).await;
    assert_eq!(ended.reason(), "absolute_timeout");
}

#[tokio::test(start_paused = true)]
async fn l14_event_stream_ends_at_identity_provider_limit() {
    let world = World::new();
    let limit = world.now() + minutes(10);
    let new = NewSession::new("alice").with_provider_deadline(limit);
    let token = world.sign_in_as(new).await;
    let (_feed, reader) = world.node().events(&token).await;
    let ended = reader.ends_after(minutes(10)).await;
    assert_eq!(ended.reason(), "idp_session_expired");
}

#[tokio::test(start_paused = true)]
async fn l14_event_stream_ends_when_session_is_locked() {
    let locking = default_policy().on_idle(OnIdle::Lock);
    let world = World::with(policies(locking, minutes(5)));
    let token = world.sign_in().await;
    let (_feed, reader) = world.node().events(&token).await;
    pass(minutes(15) - MS).await;
    assert!(reader.is_open());
    let ended = reader.ends_after(minutes(15)).await;
    assert_eq!(ended.reason(), "session_locked");
}

#[tokio::test(start_paused = true)]
async fn l14_activity_elsewhere_moves_cut() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (_feed, reader) = node.events(&token).await;
        pass(minutes(10)).await;
        assert_eq!(node.get("/", &token).await.status(), 200);
        pass(minutes(15) - MS).await;
        assert!(reader.is_open(), "{name}");
        let ended = reader.ends_after(minutes(25)).await;
        assert_eq!(ended.reason(), "idle_timeout", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l14_activity_on_another_node_moves_cut() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (_, other) = &world.nodes()[way];
        let (_feed, reader) = node.events(&token).await;
        // So late that only a check at the deadline itself finds it.
        pass(minutes(15) - seconds(2)).await;
        assert_eq!(other.get("/", &token).await.status(), 200);
        let ended = reader.ends_after(minutes(30) - seconds(2)).await;
        assert_eq!(ended.reason(), "idle_timeout", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l14_extension_moves_cut() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let (_feed, reader) = node.events(&token).await;
    pass(minutes(14)).await;
    assert_eq!(node.get("/extend", &token).await.status(), 200);
    assert_eq!(
        reader.ends_after(minutes(29)).await.reason(),
        "idle_timeout"
    );
}

#[tokio::test(start_paused = true)]
async fn n01_passive_requests_do_not_move_cut() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (_feed, reader) = node.events(&token).await;
        for _ in 0..89 {
            pass(seconds(10)).await;
            assert!(node.serves(&token).await, "{name}");
        }
        let ended = reader.ends_after(minutes(15)).await;
        assert_eq!(ended.reason(), "idle_timeout", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn n08_data_sent_by_stream_is_no_activity() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let (feed, reader) = node.events(&token).await;
    let start = world.record(&token).facts.last_active_at;
    for _ in 0..15 * 60 - 1 {
        pass(SECOND).await;
        feed.say("data: tick\n\n");
    }
    pass(SECOND - MS).await;
    assert!(reader.is_open());
    assert_eq!(world.record(&token).facts.last_active_at, start);
    let ended = reader.ends_after(minutes(15)).await;
    assert_eq!(ended.reason(), "idle_timeout");
    assert_eq!(ended.text.matches("tick").count(), 15 * 60 - 1);
}

#[tokio::test(start_paused = true)]
async fn n27_stream_has_no_deadline_besides_its_sessions() {
    let world = World::new();
    let (token, busy) = (world.sign_in().await, world.sign_in().await);
    let node = world.node();
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(node.events(&token).await);
        pass(SECOND).await;
    }
    // The last recorded activity is that of the stream opened after 15 seconds.
    // Before that, activity is within the granularity.
    let cut = minutes(15) + seconds(15);
    let (_feed, others) = node.events(&busy).await;
    pass(minutes(10)).await;
    assert_eq!(node.get("/", &busy).await.status(), 200);
    pass(cut - seconds(20) - minutes(10) - MS).await;
    assert!(open.iter().all(|(_, reader)| reader.is_open()));
    pass(SECOND + MS).await;
    for (_, reader) in open {
        assert!(!reader.is_open());
        assert_eq!(reader.end().await.reason(), "idle_timeout");
    }
    assert!(others.is_open());
    assert_eq!(
        others.ends_after(minutes(25)).await.reason(),
        "idle_timeout"
    );
}

// A coarse clock shows its last tick.
#[tokio::test(start_paused = true)]
async fn l14_store_with_late_clock_is_asked_until_deadline() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.shared.clone());
    let (_feed, reader) = node.events(&token).await;
    pass(minutes(10)).await;
    world.clock.step_back(8 * MS);
    let before = world.store.reads();
    let ended = reader.ends_after(minutes(15) + 8 * MS).await;
    assert_eq!(ended.reason(), "idle_timeout");
    assert!(world.store.reads() - before <= 4, "it asks in circles");
}

/// A session that another middleware owns, in a request's extensions.
#[derive(Clone)]
struct Claims(AdoptedSession);

fn adopted() -> AdoptedSession {
    AdoptedSession::new("issuer", "sid", "alice")
}

/// An open stream of that session, and what keeps it open.
async fn adopted_stream(world: &World) -> (impl Sized, Reader) {
    let stack = SessionTimeoutLayer::new(&world.local).without_reaper();
    let claims = AdoptedSource::new(|extensions, _| Some(extensions.get::<Claims>()?.0.clone()));
    let node = Node::of(stack.with_source(claims));
    let (feed, answer) = event_stream();
    let mut request = with_answer(get("/events", None), answer);
    request.extensions_mut().insert(Claims(adopted()));
    let answer = node.send(request).await;
    ((node, feed), Reader::of(answer.into_body()))
}

#[tokio::test(start_paused = true)]
async fn l14_stream_of_adopted_session_is_cut() {
    let world = World::new();
    let (_open, reader) = adopted_stream(&world).await;
    pass(minutes(15) - MS).await;
    assert!(reader.is_open());
    let ended = reader.ends_after(minutes(15)).await;
    assert_eq!(ended.reason(), "idle_timeout");
}

#[tokio::test(start_paused = true)]
async fn n103_owners_end_closes_open_stream_with_its_reason() {
    let world = World::new();
    let (_open, reader) = adopted_stream(&world).await;
    let ended = world
        .local
        .end_adopted(&adopted(), EndReason::IdpLogout)
        .await;
    assert!(ended.unwrap());
    assert_eq!(reader.ends_now().await.reason(), "idp_logout");
}

#[tokio::test(start_paused = true)]
async fn n103_open_stream_ends_when_owner_says_so_later() {
    let world = World::new();
    let (_open, reader) = adopted_stream(&world).await;
    let proof = adopted().with_issued_at(world.now() + SECOND);
    let proof = proof.with_expires_at(world.now() + minutes(2));
    world.local.adopt(&proof, Default::default()).await.unwrap();
    pass(minutes(2) - MS).await;
    assert!(reader.is_open());
    let ended = reader.ends_after(minutes(2)).await;
    assert_eq!(ended.reason(), "idp_session_expired");
}

// The answer belongs to the session that the request started, not to the one that
// it came with.
#[tokio::test(start_paused = true)]
async fn l14_stream_answering_login_ends_with_new_session() {
    for way in 0..3 {
        let world = World::new();
        let (name, node) = &world.nodes()[way];
        let (_feed, reader) = node.events_at("/login", None).await;
        let ended = reader.ends_after(minutes(15)).await;
        assert_eq!(ended.reason(), "idle_timeout", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l14_stream_answering_rotation_ends_with_its_session() {
    let world = World::new();
    let token = world.sign_in().await;
    let (_feed, reader) = world.node().events_at("/rotate", Some(&token)).await;
    let ended = reader.ends_after(minutes(15)).await;
    assert_eq!(ended.reason(), "idle_timeout");
}
