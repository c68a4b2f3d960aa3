//! The stack in one process, by a manual clock.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::{get, post};
use dwell_axum::*;
use tower::ServiceExt;

async fn login(login: LoginSession) -> Result<&'static str, SessionError> {
    login.start(NewSession::new("alice")).await?;
    Ok("in")
}

fn app(clock: &ManualClock) -> Router {
    let policies = PolicySet::simple(minutes(15), hours(8)).unwrap();
    let manager = SessionManager::builder(MemoryStore::with_clock(clock.clone()), policies).build();
    Router::new()
        .route("/login", post(login))
        .route("/", get(async |s: Session| s.subject().to_string()))
        .route("/poll", get(async |_: Session| "poll").layer(passive()))
        .route(
            "/transfer",
            post(async |_: Session| "ok").layer(privileged(Freshness::within(minutes(5)))),
        )
        .merge(session_endpoints())
        .layer(session_timeout(&manager).with_login("/login"))
}

async fn send(app: &Router, method: &str, path: &str, cookie: &str) -> Response<Body> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("cookie", cookie)
        .body(Body::empty())
        .unwrap();
    app.clone().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn a_session_lives_by_activity_and_ends_on_time() {
    let clock = ManualClock::new();
    let app = app(&clock);
    let answer = send(&app, "POST", "/login", "").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let cookie = answer.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    for _ in 0..10 {
        clock.advance(minutes(10));
        let answer = send(&app, "GET", "/", &cookie).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(
            answer.headers()["session-timeout"],
            format!(
                "idle=900, absolute={}, warn=60",
                8 * 3600 - (clock.now() - ManualClock::new().now()).as_secs()
            )
        );
    }
    let answer = send(&app, "POST", "/transfer", &cookie).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    println!("{:?}", answer.headers());
    for _ in 0..14 {
        clock.advance(minutes(1));
        assert_eq!(
            send(&app, "GET", "/poll", &cookie).await.status(),
            StatusCode::OK
        );
    }
    clock.advance(minutes(1));
    let answer = send(&app, "GET", "/poll", &cookie).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    println!("{:?}", answer.headers());
}
