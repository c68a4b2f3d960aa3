//! Each supported release of tower-sessions, with the same application.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says so when it fails"
)]

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use dwell_axum::session_timeout;
use dwell_core::{EndReason, minutes};
use dwell_test_support::{World, outcome};
use dwell_testkit::TestClient;
use dwell_tower_sessions::{new_session, user_at};

macro_rules! release {
    ($test:ident, $release:ident) => {
        #[tokio::test]
        async fn $test() {
            use $release::{MemoryStore, Session, SessionManagerLayer};

            let world = World::default();
            let login = async |session: Session| {
                session.cycle_id().await.unwrap();
                session.insert("user_id", 7).await.unwrap();
            };
            let app: Router = Router::new()
                .route(
                    "/",
                    get(async |s: dwell_axum::Session| s.subject().to_string()),
                )
                .route("/login", get(login))
                .route("/logout", get(async |s: Session| s.flush().await.unwrap()))
                .layer(
                    session_timeout(&world.manager)
                        .without_reaper()
                        .with_source(user_at::<Session>("user_id", new_session))
                        .with_login("/login"),
                )
                .layer(SessionManagerLayer::new(MemoryStore::default()));
            let mut client = TestClient::new(app.into_service::<Body>());
            client.get("/login").await;
            assert_eq!(client.get("/").await.text(), "7");
            world.clock.advance(minutes(15));
            assert_eq!(outcome(&client.get("/").await), "idle_timeout");
            client.get("/login").await;
            assert_eq!(client.get("/").await.text(), "7");
            client.get("/logout").await;
            assert_eq!(outcome(&client.get("/").await), "session_required");
            let ends = [EndReason::IdleTimeout, EndReason::SignedOut];
            assert_eq!(world.events.ends(), ends);
        }
    };
}

release!(release_0_14, tower_sessions);
#[cfg(feature = "tower-sessions-0-15")]
release!(release_0_15, tower_sessions_0_15);
