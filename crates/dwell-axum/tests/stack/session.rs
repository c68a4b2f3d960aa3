//! `Session` and `Option<Session>`: what a handler can do with the session of its
//! request, and what it can read.

use axum::Router;
use axum::routing::{get, post};
use dwell_axum::*;

use crate::support::{
    COOKIE, Client, World, document, idle_left, locking_policies, outcome, removes_cookie,
    set_cookies, signed_in, token, verdict,
};

type Done = Result<(), SessionError>;

/// A world, and alice at a page that runs `handler` at `POST /do`.
macro_rules! alice_at {
    ($handler:expr) => {{
        let world = World::new();
        let alice = world
            .alice(Router::new().route("/do", post($handler)))
            .await;
        (world, alice)
    }};
}

/// A client with this token.
fn showing(client: &Client, token: &str) -> Client {
    let mut client = client.clone();
    client.set_cookie(COOKIE, token);
    client
}

#[tokio::test]
async fn extracting_session_requires_it_for_every_request() {
    let world = World::with(locking_policies());
    let mut nobody = world.client(Router::new());
    let answer = nobody.get("/").await;
    assert_eq!(outcome(&answer), "401 session_required");
    assert!(set_cookies(&answer).is_empty());
    nobody.set_cookie(COOKIE, Token::generate().unwrap().expose());
    assert_eq!(outcome(&nobody.get("/").await), "401 session_required");
    let mut alice = world.alice(Router::new()).await;
    assert_eq!(alice.get("/").await.text(), "alice");
    world.clock.advance(minutes(15));
    assert_eq!(outcome(&alice.get("/").await), "401 session_locked");
    world.clock.advance(minutes(30));
    assert_eq!(outcome(&alice.get("/").await), "401 idle_timeout");
}

#[tokio::test]
async fn optional_session_is_none_unless_live() {
    let who = async |s: Option<Session>| s.map_or("nobody".to_owned(), |s| s.subject().to_string());
    let world = World::with(locking_policies());
    let routes = || {
        Router::new()
            .route("/who", get(who))
            .route("/exempt/who", get(who))
    };
    let app = routes().layer(world.stack.clone().add_exempt_path("/exempt/"));
    let mut nobody = crate::support::client(app);
    assert_eq!(nobody.get("/who").await.text(), "nobody");

    let mut alice = world.alice(routes()).await;
    assert_eq!(alice.get("/who").await.text(), "alice");
    nobody.set_cookie(COOKIE, &token(&alice));
    assert_eq!(nobody.get("/exempt/who").await.text(), "alice");
    // A locked or ended session counts as none.
    world.clock.advance(minutes(15));
    assert_eq!(alice.get("/who").await.text(), "nobody");
    assert_eq!(nobody.get("/exempt/who").await.text(), "nobody");
    world.clock.advance(minutes(30));
    assert_eq!(nobody.get("/exempt/who").await.text(), "nobody");
}

/// An exempt path does not open a dead session.
#[tokio::test]
async fn extractor_refuses_dead_session_on_exempt_path() {
    let world = World::with(locking_policies());
    let page = get(async |s: Session| s.subject().to_string());
    let app = Router::new().route("/exempt/page", page);
    let app = app.layer(world.stack.clone().add_exempt_path("/exempt/"));
    let alice = world.alice(Router::new()).await;
    let mut exempt = crate::support::client(app);
    exempt.set_cookie(COOKIE, &token(&alice));
    assert_eq!(exempt.get("/exempt/page").await.text(), "alice");
    world.clock.advance(minutes(15));
    assert_eq!(
        outcome(&exempt.get("/exempt/page").await),
        "401 session_locked"
    );
    world.clock.advance(minutes(30));
    let answer = exempt.get("/exempt/page").await;
    assert_eq!(outcome(&answer), "401 idle_timeout");
    assert!(removes_cookie(&answer));
}

#[tokio::test]
async fn starting_session_ends_previous_one() {
    let (world, mut alice) = alice_at!(async |session: Session| -> Done {
        session.start(NewSession::new("bob")).await?;
        assert_eq!(session.record().unwrap().subject.as_str(), "bob");
        Ok(())
    });
    let old = token(&alice);
    world.clock.advance(hours(1) - minutes(50));
    let answer = alice.post("/do", "").await;
    assert_eq!(outcome(&answer), "ok");
    // The time left is the new session's.
    assert_eq!(
        answer.header("session-timeout"),
        Some("idle=900, absolute=28800, warn=60")
    );
    assert_ne!(token(&alice), old);
    assert_eq!(alice.get("/").await.text(), "bob");
    assert_eq!(world.events.ends(), [EndReason::Superseded]);
    // N47: the old token's late answer does not take the new cookie away.
    let late = showing(&alice, &old).get("/").await;
    assert_eq!(outcome(&late), "401 superseded");
    assert!(set_cookies(&late).is_empty());
}

#[tokio::test]
async fn ended_session_has_no_record_and_no_deadlines() {
    let (world, mut alice) = alice_at!(async |session: Session| -> Done {
        session.sign_out().await?;
        assert!(session.record().is_none());
        assert!(session.deadlines().is_none());
        assert!(session.reference().is_none());
        // Ending again changes nothing, and an ended session takes no commands.
        session.sign_out().await?;
        let refused = session.extend().await.unwrap_err();
        assert!(matches!(refused.0, CommandError::Gone), "{refused:?}");
        Ok(())
    });
    let dead = token(&alice);
    let answer = alice.post("/do", "").await;
    assert_eq!(outcome(&answer), "ok");
    assert!(removes_cookie(&answer));
    assert_eq!(answer.header("session-timeout"), None);
    assert_eq!(
        outcome(&showing(&alice, &dead).get("/").await),
        "401 signed_out"
    );
    assert_eq!(world.events.ends(), [EndReason::SignedOut]);
    let events = world.events.events();
    assert_eq!(events[1].route.as_deref(), Some("/do"));
}

#[tokio::test]
async fn handler_can_end_session_and_start_another() {
    let (_, mut alice) = alice_at!(async |session: Session| -> Done {
        session.sign_out().await?;
        session.start(NewSession::new("bob")).await?;
        let record = session.record().expect("the session that was started");
        assert_eq!(record.subject.as_str(), "bob");
        Ok(())
    });
    let answer = alice.post("/do", "").await;
    assert_eq!(outcome(&answer), "ok");
    assert_eq!(idle_left(&answer), 900);
    assert_eq!(alice.get("/").await.text(), "bob");
}

#[tokio::test]
async fn n07_rotation_replaces_token_and_keeps_deadlines() {
    let rotate = post(async |session: Session| -> Done { session.rotate().await });
    let world = World::new();
    let routes = Router::new().route("/do", rotate.layer(passive()));
    let mut alice = world.alice(routes).await;
    let old = token(&alice);
    world.clock.advance(minutes(10));
    let before = world.record(&alice).facts;
    let answer = alice.post("/do", "").await;
    assert_eq!(outcome(&answer), "ok");
    assert_eq!(idle_left(&answer), 300);
    assert_ne!(token(&alice), old);
    let after = world.record(&alice).facts;
    assert_eq!(
        Facts {
            version: before.version,
            ..after
        },
        before
    );
    assert_eq!(world.events.count(EventKind::SessionRotated), 1);
    // L10: an old token after the new one was used is a sign of theft.
    assert_eq!(verdict(&mut alice).await, "ok");
    world.clock.advance(seconds(11));
    assert_eq!(verdict(&mut showing(&alice, &old)).await, "401 token_reuse");
    assert_eq!(verdict(&mut alice).await, "401 token_reuse");
}

#[tokio::test]
async fn reauthentication_is_activity_with_new_token_and_context() {
    let (world, mut alice) = alice_at!(async |session: Session| -> Done {
        session
            .reauthenticated(
                AuthenticationContext::none()
                    .with_acr("aal2")
                    .with_amr(["pwd", "otp"]),
            )
            .await?;
        let record = session.record().unwrap();
        let authentication = record.authentication().expect("an authentication context");
        assert_eq!(authentication.acr.as_deref(), Some("aal2"));
        assert_eq!(authentication.amr, ["pwd".into(), "otp".into()]);
        Ok(())
    });
    let old = token(&alice);
    world.clock.advance(minutes(10));
    world.events.clear();
    let answer = alice.post("/do", "").await;
    assert_eq!(outcome(&answer), "ok");
    assert_eq!(idle_left(&answer), 900);
    assert_ne!(token(&alice), old);
    let record = world.record(&alice);
    assert_eq!(record.facts.authenticated_at, world.clock.now());
    assert_eq!(
        record.facts.absolute_deadline,
        ManualClock::new().now() + hours(8)
    );
    assert_eq!(
        world.events.kinds(),
        [EventKind::StepUpSucceeded, EventKind::SessionRotated]
    );
}

#[tokio::test]
async fn fifth_failed_reauthentication_in_row_ends_session() {
    let fail = post(async |session: Session| {
        session
            .reauthentication_failed()
            .await
            .map(|ended| ended.to_string())
    });
    let world = World::new();
    let mut alice = world.alice(Router::new().route("/fail", fail)).await;
    world.clock.advance(minutes(10));
    for _ in 0..4 {
        assert_eq!(alice.post("/fail", "").await.text(), "false");
    }
    // N09: a failure is no activity.
    assert_eq!(world.idle(&alice), minutes(10));
    // A success restarts the count.
    assert_eq!(alice.post("/reauthenticate", "").await.status, 200);
    for _ in 0..4 {
        assert_eq!(alice.post("/fail", "").await.text(), "false");
    }
    let mut tab = alice.clone();
    let answer = alice.post("/fail", "").await;
    assert_eq!(answer.text(), "true");
    assert!(removes_cookie(&answer));
    assert_eq!(verdict(&mut tab).await, "401 reauthentication_failed");
    assert_eq!(world.events.count(EventKind::StepUpFailed), 9);
    assert_eq!(world.events.ends(), [EndReason::ReauthenticationFailed]);
}

#[tokio::test]
async fn handler_can_extend_on_passive_route() {
    let extend = async |session: Session| -> Done {
        assert_eq!(session.deadlines().unwrap().remaining(), minutes(5));
        session.extend().await?;
        assert_eq!(session.deadlines().unwrap().remaining(), minutes(15));
        Ok(())
    };
    let world = World::new();
    let routes = Router::new().route("/do", post(extend).layer(passive()));
    let mut alice = world.alice(routes).await;
    world.clock.advance(minutes(10));
    assert_eq!(idle_left(&alice.post("/do", "").await), 900);
    assert_eq!(world.events.count(EventKind::SessionRenewed), 1);
}

#[tokio::test]
async fn handler_records_past_input_and_request_does_not_count() {
    let (world, mut alice) = alice_at!(async |session: Session| {
        session.active_ago(minutes(3)).await?;
        let left = session.deadlines().unwrap().remaining().as_secs();
        Ok::<_, SessionError>(left.to_string())
    });
    world.clock.advance(minutes(10));
    let answer = alice.post("/do", "").await;
    assert_eq!((answer.text().as_str(), idle_left(&answer)), ("720", 720));
    assert_eq!(world.idle(&alice), minutes(3));
}

#[tokio::test]
async fn session_reference_matches_events() {
    let world = World::new();
    let show = async |session: Session| session.reference().unwrap().to_string();
    let mut alice = world.alice(Router::new().route("/show", get(show))).await;
    let shown = alice.get("/show").await.text();
    let events = world.events.events();
    assert_eq!(events[0].session.unwrap().to_string(), shown);
    // L9: the reference shows no part of the token.
    assert!(!token(&alice).contains(&shown));
    assert_eq!(
        SessionRef::parse(&shown),
        Some(SessionRef::of(world.record(&alice).key))
    );
}

#[tokio::test]
async fn record_and_deadlines_match_status_document() {
    let world = World::new();
    let show = async |session: Session| {
        let (record, deadlines) = (session.record().unwrap(), session.deadlines().unwrap());
        let facts = record.facts;
        assert_eq!(record.subject, *session.subject());
        assert_eq!(session.handle().record(), Some(record));
        format!(
            "{} {} {}",
            deadlines.idle, deadlines.absolute, facts.authenticated_at
        )
    };
    let mut alice = world
        .alice(Router::new().route("/show", get(show).layer(passive())))
        .await;
    let mut bob = signed_in(world.client(Router::new()), "bob").await;
    world.clock.advance(minutes(4));
    let outcome = alice.get("/show").await.text();
    let now = document(&alice.get("/session").await);
    let field = |name: &str| now[name].as_str().unwrap().to_owned();
    let names = ["idle_deadline", "absolute_deadline", "authenticated_at"];
    assert_eq!(outcome, names.map(field).join(" "));
    assert_eq!(bob.get("/").await.text(), "bob");
}
