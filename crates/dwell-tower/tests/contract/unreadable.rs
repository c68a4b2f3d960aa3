//! A session whose record can't be read has ended, and is no outage.

use dwell_core::{AdoptedSession, EndReason, EventKind, SessionManager, Token, Verdict};
use dwell_test_support::Log;
use dwell_testkit::TestClient;
use dwell_tower::idle::SessionRequirement;
use dwell_tower::session::AdoptedSource;
use http::Method;
use tower::ServiceExt;

use crate::support::{COOKIE, Client, Damaged, World, get, outcome, stack};

/// A session in a store that can't read it, at once and later.
async fn damaged(world: &World) -> (Token, [SessionManager; 2]) {
    let token = world.sign_in().await;
    let managers = [true, false].map(|local| {
        world.manager_over(Damaged {
            inner: world.memory.clone(),
            keys: vec![
                token.key(),
                AdoptedSession::new("issuer", "sid-1", "alice").key(),
            ],
            local,
        })
    });
    world.events.clear();
    (token, managers)
}

fn warnings(log: &Log) -> usize {
    let text = log.take();
    assert!(!text.contains("did not answer"), "{text}");
    text.matches("a session can't be read and counts as ended")
        .count()
}

#[tokio::test(start_paused = true)]
async fn n92_unreadable_session_is_refused_where_one_is_needed() {
    let (log, _guard) = Log::keep();
    let world = World::new();
    let (token, managers) = damaged(&world).await;
    for manager in managers {
        let required = stack(&manager).with_requirement(SessionRequirement::Required);
        let mut client = world.client(&required, &token);
        for _ in 0..2 {
            let answer = client.get("/").await;
            assert_eq!(outcome(&answer), "session_required");
            assert_eq!(answer.status, 401);
            assert_eq!(warnings(&log), 1);
        }
        assert!(client.cookie(COOKIE).is_some(), "another node may read it");
    }
    assert_eq!(world.events.count(EventKind::StoreUnavailable), 0);
    assert_eq!(world.probe.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn n92_login_replaces_cookie_of_unreadable_session() {
    let world = World::new();
    let (token, managers) = damaged(&world).await;
    for manager in managers {
        let mut client: Client = world.client(&stack(&manager), &token);
        let answer = client.get("/login").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let given = client.cookie(COOKIE).unwrap().to_owned();
        assert_ne!(given, token.expose());
        assert_eq!(outcome(&client.get("/").await), "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn n92_readable_token_beside_unreadable_one_opens_its_session() {
    let world = World::new();
    let (token, managers) = damaged(&world).await;
    let good = world.sign_in().await;
    for manager in managers {
        let mut client = TestClient::new(world.app(&manager));
        let both = format!("{COOKIE}={}; {COOKIE}={}", token.expose(), good.expose());
        let answer = client
            .send(Method::GET, "/", &[("cookie", &both)], "")
            .await;
        assert_eq!(outcome(&answer), "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn n92_unreadable_adopted_session_is_no_outage() {
    let world = World::new();
    let (token, managers) = damaged(&world).await;
    for manager in managers {
        let source =
            AdoptedSource::new(|_, _| Some(AdoptedSession::new("issuer", "sid-1", "alice")));
        world
            .local
            .adopt(
                &AdoptedSession::new("issuer", "sid-1", "alice"),
                Default::default(),
            )
            .await
            .unwrap();
        let stack = stack(&manager).with_source(source);
        let stack = stack.with_requirement(SessionRequirement::Required);
        let answer = world
            .app_of(&stack)
            .oneshot(get("/", &token))
            .await
            .unwrap();
        assert_eq!(answer.status(), 401);
    }
}

#[tokio::test(start_paused = true)]
async fn n92_open_connection_ends_with_unreadable_session() {
    let world = World::new();
    let token = world.sign_in().await;
    let state = world.request(&token);
    state.decide();
    for local in [true, false] {
        let damaged = Damaged {
            inner: world.memory.clone(),
            keys: vec![token.key()],
            local,
        };
        let manager = world.manager_over(damaged);
        let found = manager.store().load(token.key()).await;
        assert!(found.is_err());
        let policies = manager.policies().current();
        let session = state.resolved().clone();
        let state = dwell_core::SessionState::new(manager.clone(), policies, session);
        state.decide();
        let recheck = state.recheck().unwrap();
        assert!(recheck.run_at_once().is_none_or(|found| found.is_ok()));
        assert_eq!(recheck.run().await.unwrap().verdict, Verdict::Anonymous);
        let ended = manager.end_session(token.key(), EndReason::Revoked).await;
        assert!(!ended.unwrap(), "it has ended before");
    }
}
