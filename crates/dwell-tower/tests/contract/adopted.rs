//! Adopted sessions: faulty sources, and claims of the past and the future.

use std::convert::Infallible;

use dwell_core::store::Lookup;
use dwell_core::{AdoptedSession, EndReason, hours, minutes, seconds};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::idle::SessionRequirement;
use dwell_tower::open::SessionBody;
use dwell_tower::rejection::{command_failed, session_state};
use dwell_tower::session::AdoptedSource;
use http::{Request, Response};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{Body, World, missing, stack};
use dwell_test_support::Log;

/// What another middleware left in the request. The source panics at `None`.
#[derive(Clone)]
struct Claim(Option<AdoptedSession>);

fn adopting(manager: &dwell_core::SessionManager) -> SessionTimeoutLayer {
    stack(manager).with_source(AdoptedSource::new(|extensions, _| {
        let claim = extensions.get::<Claim>()?;
        Some(claim.0.clone().expect("told to panic"))
    }))
}

fn with(claim: Option<AdoptedSession>) -> Request<Body> {
    let mut request = Request::new(Body::default());
    request.extensions_mut().insert(Claim(claim));
    request
}

async fn send(
    world: &World,
    stack: &SessionTimeoutLayer,
    session: &AdoptedSession,
) -> Response<Body> {
    world
        .app_of(stack)
        .oneshot(with(Some(session.clone())))
        .await
        .unwrap()
}

fn left(answer: &Response<Body>) -> &str {
    answer.headers()["session-timeout"].to_str().unwrap()
}

#[tokio::test]
async fn panicking_source_answers_500_and_next_request_is_served() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let mut app = world.app_of(&adopting(&manager));
        let calls = world.probe.calls();
        let answer = app.ready().await.unwrap().call(with(None)).await.unwrap();
        assert_eq!(answer.status(), 500, "{name}");
        assert!(
            missing(&answer).contains("session source"),
            "{}",
            missing(&answer)
        );
        assert_eq!((world.probe.calls(), world.store.reads()), (calls, 0));
        let good = with(Some(AdoptedSession::new("issuer", name, "alice")));
        let answer = app.ready().await.unwrap().call(good).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), world.probe.calls()),
            (200, calls + 1),
            "{name}"
        );
        assert_eq!(left(&answer), "idle=900, absolute=28800, warn=60");
    }
}

#[tokio::test]
async fn session_without_usable_id_or_subject_is_none() {
    let world = World::new();
    let nonsense = [
        AdoptedSession::new("issuer", "", "alice"),
        AdoptedSession::new("issuer", vec![b'x'; 1_025], "alice"),
        AdoptedSession::new("issuer", "id", ""),
        AdoptedSession::new("", "id", "alice"),
    ];
    for (name, manager) in world.managers() {
        for session in &nonsense {
            let stack = adopting(&manager);
            let answer = send(&world, &stack, session).await;
            assert_eq!(answer.status(), 200, "{name}: {session:?}");
            assert!(
                !answer.headers().contains_key("session-timeout"),
                "{name}: {session:?}"
            );
            let stack = stack.with_requirement(SessionRequirement::Required);
            let answer = send(&world, &stack, session).await;
            assert_eq!(answer.status(), 401, "{name}: {session:?}");
        }
    }
    assert_eq!((world.memory.len(), world.store.reads()), (0, 0));
    assert_eq!(world.events.events(), []);
    let longest = AdoptedSession::new("issuer", vec![b'x'; 1_024], "alice");
    let answer = send(&world, &adopting(&world.local), &longest).await;
    assert!(answer.headers().contains_key("session-timeout"));
}

#[tokio::test]
async fn n14_session_issued_in_future_is_refused_for_good() {
    let world = World::new();
    let ways = [
        AdoptedSession::with_issued_at,
        AdoptedSession::with_authenticated_at,
    ];
    for (name, manager) in world.managers() {
        for ahead in [seconds(61), hours(5)] {
            for (way, state) in ways.into_iter().enumerate() {
                let id = format!("{name} {ahead:?} {way}");
                let session = AdoptedSession::new("issuer", &id, "alice");
                let session = state(session, world.now() + ahead);
                let stack = adopting(&manager);
                for _ in 0..2 {
                    assert_eq!(send(&world, &stack, &session).await.status(), 401, "{id}");
                    world.clock.advance(minutes(2));
                }
            }
        }
    }
    assert_eq!(world.probe.calls(), 0);
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout; 8]);
}

#[tokio::test]
async fn n14_issuer_clock_slightly_ahead_prolongs_nothing() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let session = AdoptedSession::new("issuer", name, "alice");
        let ahead = world.now() + seconds(60);
        let session = session.with_authenticated_at(ahead).with_issued_at(ahead);
        let answer = send(&world, &adopting(&manager), &session).await;
        assert_eq!(left(&answer), "idle=900, absolute=28800, warn=60", "{name}");
    }
}

#[tokio::test]
async fn n14_absolute_timeout_runs_from_authentication() {
    let world = World::new();
    world.clock.advance(hours(8));
    for (name, manager) in world.managers() {
        let session = AdoptedSession::new("issuer", name, "alice");
        let session = session.with_authenticated_at(world.now() - hours(7));
        let answer = send(&world, &adopting(&manager), &session).await;
        assert_eq!(left(&answer), "idle=900, absolute=3600, warn=60", "{name}");
        let old = AdoptedSession::new("issuer", format!("{name}, old"), "alice");
        let old = old.with_authenticated_at(world.now() - hours(8));
        assert_eq!(
            send(&world, &adopting(&manager), &old).await.status(),
            401,
            "{name}"
        );
    }
    assert_eq!(world.events.ends(), [EndReason::AbsoluteTimeout; 2]);
}

#[tokio::test]
async fn n23_session_is_not_adopted_while_store_is_down() {
    let world = World::new();
    let session = AdoptedSession::new("issuer", "id", "alice");
    world.store.fail();
    let answer = send(&world, &adopting(&world.remote), &session).await;
    assert_eq!((answer.status().as_u16(), world.probe.calls()), (503, 0));
    assert_eq!((world.memory.len(), world.store.writes()), (0, 0));
    world.store.heal();
    let answer = send(&world, &adopting(&world.remote), &session).await;
    assert_eq!((answer.status().as_u16(), world.probe.calls()), (200, 1));
    use dwell_core::store::SessionStore;
    let found = world.memory.load(session.key()).await.unwrap().state;
    assert!(matches!(found, Lookup::Found(_)));
}

#[tokio::test]
async fn n95_command_on_adopted_session_is_500_with_cause_in_log() {
    let (log, _guard) = Log::keep();
    let world = World::new();
    for (name, manager) in world.managers() {
        let rotate = async |request: Request<SessionBody<Body>>| -> Result<_, Infallible> {
            let (parts, _) = request.into_parts();
            let state = session_state(&parts).unwrap();
            let error = state.rotate().await.unwrap_err();
            Ok(command_failed(&error).map(Body::from))
        };
        let app = adopting(&manager).layer(service_fn(rotate));
        let session = AdoptedSession::new("issuer", name, "alice");
        let answer = app.oneshot(with(Some(session))).await.unwrap();
        assert_eq!(answer.status(), 500);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body);
        assert!(
            body.contains(r#""detail":"The service could not do this."#),
            "{body}"
        );
        assert!(body.contains(r#""reason":"session_error""#), "{body}");
        let text = log.take();
        let cause = "another middleware owns the session";
        assert!(text.contains("ERROR") && text.contains(cause), "{text}");
    }
}
