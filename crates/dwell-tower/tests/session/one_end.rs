//! Every end is reported once, for its reason.

use std::sync::Arc;

use dwell_core::{
    EndReason, EventKind, OnLimit, Policy, PolicySet, SessionManager, hours, minutes, seconds,
};
use dwell_testkit::FaultyStore;
use dwell_tower::SessionTimeoutLayer;
use tokio::sync::Barrier;

use crate::support::{World, policies, signed_in, stack_over, token, verdict};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n20_requests_on_two_nodes_and_reaper_make_one_end() {
    for round in 0..25 {
        let world = World::new();
        let mut client = world.client();
        client.get("/login").await;
        world.clock.advance(minutes(15));
        let barrier = Arc::new(Barrier::new(8));
        let mut tasks = Vec::new();
        for _ in 0..2 {
            let node = stack_over(&world.manager_over(world.memory.clone()));
            for _ in 0..3 {
                let mut request = world.client_of(&node);
                request.set_cookie(crate::support::COOKIE, &token(&client));
                let barrier = Arc::clone(&barrier);
                tasks.push(tokio::spawn(async move {
                    barrier.wait().await;
                    request.get("/").await.reason().unwrap_or_default()
                }));
            }
            let (manager, barrier) = (world.manager.clone(), Arc::clone(&barrier));
            tasks.push(tokio::spawn(async move {
                barrier.wait().await;
                while manager.reap(100).await.unwrap() {}
                "idle_timeout".to_owned()
            }));
        }
        for task in tasks {
            assert_eq!(task.await.unwrap(), "idle_timeout", "round {round}");
        }
        assert_eq!(
            world.events.ends(),
            [EndReason::IdleTimeout],
            "round {round}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn n20_requests_admitted_before_end_make_one_end() {
    let world = World::new();
    let client = world.signed_in().await;
    world.clock.advance(minutes(15));
    // All look-ups are answered before the first end reaches the store.
    let nodes = [0, 1].map(|_| {
        let store = FaultyStore::new(world.memory.clone());
        store.delay(seconds(1));
        stack_over(&world.manager_over(store))
    });
    let mut requests = Vec::new();
    for node in nodes.iter().chain(&nodes) {
        let mut request = world.client_of(node);
        request.set_cookie(crate::support::COOKIE, &token(&client));
        requests.push(tokio::spawn(async move { request.get("/").await }));
    }
    for request in requests {
        let answer = request.await.unwrap();
        assert_eq!(answer.reason().as_deref(), Some("idle_timeout"));
    }
    world.reap().await;
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test(start_paused = true)]
async fn n20_copied_token_shown_concurrently_makes_one_end() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let old = token(&client);
    client.get("/rotate").await;
    assert_eq!(verdict(&mut client).await, "ok");
    world.clock.advance(seconds(10));
    let store = FaultyStore::new(world.memory.clone());
    store.delay(seconds(1));
    let node = stack_over(&world.manager_over(store));
    let mut requests = Vec::new();
    for _ in 0..4 {
        let mut thief = world.client_of(&node);
        thief.set_cookie(crate::support::COOKIE, &old);
        requests.push(tokio::spawn(async move { thief.get("/").await }));
    }
    for request in requests {
        assert_eq!(
            request.await.unwrap().reason().as_deref(),
            Some("token_reuse")
        );
    }
    assert_eq!(world.events.ends(), [EndReason::TokenReuse]);
}

#[tokio::test]
async fn l12_concurrent_sign_outs_make_one_end() {
    let world = World::new();
    let client = world.signed_in().await;
    let mut requests = Vec::new();
    for _ in 0..2 {
        requests.push(world.hold(&client, "/logout?wait=before").await);
    }
    let mut ended = Vec::new();
    for request in requests {
        let answer = world.finish(request).await;
        assert_eq!(answer.status, 200);
        ended.push(answer.text());
    }
    ended.sort();
    assert_eq!(ended, ["false", "true"]);
    assert_eq!(world.events.count(EventKind::SessionLogout), 1);
    assert_eq!(world.events.ends(), [EndReason::SignedOut]);
}

#[tokio::test]
async fn l12_unvisited_end_is_reported_by_reaper() {
    let world = World::new();
    for subject in ["alice", "bob", "carol"] {
        world
            .client()
            .get(&format!("/login?subject={subject}"))
            .await;
    }
    world.clock.advance(minutes(15));
    for _ in 0..3 {
        world.reap().await;
    }
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout; 3]);
    let events = world.events.events();
    let subjects: std::collections::BTreeSet<_> = events[3..]
        .iter()
        .map(|event| event.subject.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(
        subjects.into_iter().collect::<Vec<_>>(),
        ["alice", "bob", "carol"]
    );
}

#[tokio::test(start_paused = true)]
async fn l12_stack_reaps_after_its_first_request() {
    let world = World::new();
    let (report, mut reports) = tokio::sync::mpsc::unbounded_channel();
    let manager = SessionManager::builder(world.memory.clone(), policies())
        .on_end(move |ended| report.send(ended.reason).unwrap())
        .build();
    let mut client = world.client_of(&SessionTimeoutLayer::new(&manager));
    client.get("/login").await;
    world.clock.advance(minutes(15));
    assert_eq!(reports.recv().await, Some(EndReason::IdleTimeout));
    assert!(reports.is_empty());
}

#[tokio::test]
async fn l12_login_over_overdue_session_reports_timeout() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    client.get("/login").await;
    world.reap().await;
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn l12_sign_out_of_overdue_session_reports_timeout() {
    let world = World::new();
    let stack = world.stack().add_exempt_path("/logout");
    let mut client = signed_in(world.client_of(&stack)).await;
    let mut holder = client.clone();
    world.clock.advance(minutes(15));
    client.get("/logout").await;
    world.reap().await;
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
    assert_eq!(verdict(&mut holder).await, "idle_timeout");
}

#[tokio::test]
async fn l12_revocation_of_overdue_session_reports_timeout() {
    let world = World::new();
    let mut gone = world.signed_in().await;
    world.clock.advance(minutes(15));
    let mut client = world.signed_in().await;
    client.get("/end-others").await;
    world.reap().await;
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
    assert_eq!(verdict(&mut gone).await, "idle_timeout");
}

#[tokio::test]
async fn l12_every_session_in_chain_of_logins_ends_once() {
    let world = World::new();
    let mut client = world.client();
    for _ in 0..4 {
        client.get("/login").await;
    }
    client.get("/logout").await;
    world.clock.advance(hours(9));
    world.reap().await;
    let superseded = EndReason::Superseded;
    let ends = [superseded, superseded, superseded, EndReason::SignedOut];
    assert_eq!(world.events.ends(), ends);
    assert_eq!(world.events.count(EventKind::SessionCreated), 4);
}

#[tokio::test]
async fn l12_session_that_makes_room_is_reported_once() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let one = default.session_limit(1, OnLimit::EndOldest);
    let world = World::with(PolicySet::builder(one).build().unwrap());
    let mut first = world.signed_in().await;
    let mut second = world.signed_in().await;
    assert_eq!(world.events.ends(), [EndReason::Superseded]);
    assert_eq!(verdict(&mut first).await, "superseded");
    assert_eq!(verdict(&mut second).await, "ok");
    world.reap().await;
    assert_eq!(world.events.ends(), [EndReason::Superseded]);
}
