//! How long a request in flight may outlive its session, and hold it (`in_flight` and
//! `hold` of a policy).

use dwell_core::{Policy, PolicySet, hours, minutes, seconds};
use http::Method;

use crate::ordered::{held, reason_of, upload};
use crate::support::{SECOND, World, default_policy, get, pass};

fn bounded() -> PolicySet {
    let bounded = default_policy().in_flight(minutes(20));
    PolicySet::builder(bounded).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn l14_bound_in_flight_stops_long_poll_of_timed_out_session() {
    for way in 0..3 {
        let world = World::with(bounded());
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        pass(minutes(14)).await;
        let poll = held(node, Method::GET, "/slow?passive", &token).await;
        let (feed, upload) = upload(node, &token).await;
        pass(minutes(20) - seconds(2)).await;
        assert!(
            !poll.is_finished() && feed.is_read(),
            "{name}: it was admitted in time"
        );
        // The request was active, so its session ends later.
        pass(minutes(5)).await;
        assert!(poll.is_finished() && !feed.is_read(), "{name}");
        let (status, text) = reason_of(poll.await.unwrap()).await;
        assert_eq!(status, 401, "{name}");
        assert!(text.contains("idle_timeout"), "{name}: {text}");
        assert!(upload.await.unwrap().is_err(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l14_bound_in_flight_stops_nothing_while_session_lives() {
    let world = World::with(bounded());
    let token = world.sign_in().await;
    let node = world.node();
    let poll = held(&node, Method::GET, "/slow", &token).await;
    for _ in 0..10 {
        pass(minutes(5)).await;
        assert_eq!(node.get("/", &token).await.status(), 200);
    }
    node.pause.release(1);
    assert_eq!(poll.await.unwrap().status(), 200);
}

fn holding() -> PolicySet {
    let holding = default_policy().absolute(hours(2)).hold(hours(1));
    PolicySet::builder(holding).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn l05_active_request_holds_its_session() {
    for way in 0..3 {
        let world = World::with(holding());
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let slow = held(node, Method::POST, "/slow", &token).await;
        for _ in 0..10 {
            pass(minutes(5)).await;
            assert!(node.serves(&token).await, "{name}");
        }
        node.pause.release(1);
        assert_eq!(slow.await.unwrap().status(), 200, "{name}");
        // Its end counts, too.
        pass(minutes(15) - seconds(1)).await;
        assert!(node.serves(&token).await, "{name}");
        pass(seconds(1)).await;
        assert!(!node.serves(&token).await, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l05_session_is_held_no_longer_than_policy_says() {
    let world = World::with(holding());
    let token = world.sign_in().await;
    let node = world.node();
    let _slow = held(&node, Method::POST, "/slow", &token).await;
    pass(hours(1)).await;
    assert!(node.serves(&token).await);
    pass(minutes(15)).await;
    assert!(!node.serves(&token).await);
}

#[tokio::test(start_paused = true)]
async fn l02_passive_request_holds_nothing() {
    let world = World::with(holding());
    let token = world.sign_in().await;
    let node = world.node();
    let mut request = get("/slow", Some(&token));
    request
        .headers_mut()
        .insert("session-activity", "passive".parse().unwrap());
    let slow = tokio::spawn({
        let node = node.clone();
        async move { node.send(request).await }
    });
    node.pause.arrival().await;
    pass(minutes(15)).await;
    assert!(!node.serves(&token).await);
    node.pause.release(1);
    assert_eq!(slow.await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn l03_held_session_ends_at_absolute_deadline() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(minutes(40))
        .hold(minutes(40));
    let world = World::with(PolicySet::builder(default).build().unwrap());
    let token = world.sign_in().await;
    let node = world.node();
    let _slow = held(&node, Method::POST, "/slow", &token).await;
    pass(minutes(40) - SECOND).await;
    assert!(node.serves(&token).await);
    pass(SECOND).await;
    assert!(!node.serves(&token).await);
}
