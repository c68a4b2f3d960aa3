//! An application of tower-sessions with Dwell inside, and its clients.

use std::ops::Deref;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::{RouterIntoService, get};
use dwell_axum::{
    SessionManager, SessionTimeoutLayer, passive, session_endpoints, session_timeout,
};
use dwell_test_support::Pause;
use dwell_testkit::TestClient;
use dwell_tower_sessions::{new_session, user_at};
use tokio::task::JoinHandle;
use tower_sessions::session::{Id, Record};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use crate::store::Counting;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) type Client = TestClient<RouterIntoService<Body>>;

/// Two ways to the same sessions, and their owner's store.
pub(crate) struct World {
    sessions: dwell_test_support::World,
    pub(crate) theirs: Counting,
    pub(crate) manager: SessionManager,
    pub(crate) stack: SessionTimeoutLayer,
    pub(crate) pause: Pause,
    pub(crate) expiry: Option<Expiry>,
}

impl Deref for World {
    type Target = dwell_test_support::World;

    fn deref(&self) -> &Self::Target {
        &self.sessions
    }
}

/// A world over a store that answers at once, and one over a store that does not.
pub(crate) fn worlds() -> [World; 2] {
    [false, true].map(|is_remote| {
        let sessions = dwell_test_support::World::default();
        let manager = match is_remote {
            true => sessions.manager_over(sessions.store.clone()),
            false => sessions.manager.clone(),
        };
        World {
            stack: session_timeout(&manager)
                .without_reaper()
                .with_source(user_at::<Session>("user", new_session))
                .with_login("/login")
                .add_exempt_path("/login/"),
            sessions,
            theirs: Counting::default(),
            manager,
            pause: Pause::default(),
            expiry: None,
        }
    })
}

impl World {
    pub(crate) fn their_layer(&self) -> SessionManagerLayer<Counting> {
        let layer = SessionManagerLayer::new(self.theirs.clone());
        match self.expiry {
            Some(expiry) => layer.with_expiry(expiry),
            None => layer,
        }
    }

    pub(crate) fn app(&self) -> Router {
        let app = routes(&self.pause).layer(self.stack.clone());
        app.layer(self.their_layer())
    }

    pub(crate) fn client(&self) -> Client {
        client(self.app())
    }

    /// A client in which alice has signed in.
    pub(crate) async fn alice(&self) -> Client {
        let mut client = self.client();
        assert_eq!(client.get("/login/alice").await.status, 200);
        client
    }

    /// What their store has under the client's cookie.
    pub(crate) async fn record(&self, client: &Client) -> Option<Record> {
        let id: Id = client.cookie("id")?.parse().unwrap();
        self.theirs.inner.load(&id).await.unwrap()
    }

    /// The user in that record.
    pub(crate) async fn their_user(&self, client: &Client) -> Option<String> {
        let record = self.record(client).await?;
        Some(record.data.get("user")?.as_str()?.to_owned())
    }

    /// Sends a request that the handler holds.
    pub(crate) async fn hold(
        &self,
        client: &Client,
        path: &'static str,
    ) -> JoinHandle<dwell_testkit::TestResponse> {
        let mut client = client.clone();
        let request = tokio::spawn(async move { client.get(path).await });
        self.pause.arrival().await;
        request
    }
}

pub(crate) fn client(app: Router) -> Client {
    TestClient::new(app.into_service())
}

pub(crate) fn routes(pause: &Pause) -> Router {
    let (hold, write) = (pause.clone(), pause.clone());
    Router::new()
        .route(
            "/",
            get(async |s: dwell_axum::Session| s.subject().to_string()),
        )
        .route("/theirs", get(user))
        .route("/login", get(user))
        .route("/login/{user}", get(login))
        .route("/login/{user}/same-id", get(switch))
        .route("/switch/{user}", get(switch))
        .route(
            "/cycle",
            get(async |s: Session| s.cycle_id().await.unwrap()),
        )
        .route("/logout", get(async |s: Session| s.flush().await.unwrap()))
        .route(
            "/write",
            get(async |s: Session| s.insert("n", 1).await.unwrap()),
        )
        .route(
            "/poll",
            get(async |_: dwell_axum::Session| "").layer(passive()),
        )
        .route(
            "/hold",
            get(async move |_: dwell_axum::Session| hold.here().await),
        )
        .route(
            "/hold-and-write",
            get(async move |s: Session| {
                s.insert("n", 1).await.unwrap();
                write.here().await;
            }),
        )
        .merge(session_endpoints())
}

/// Answers with the user whom tower-sessions knows.
async fn user(session: Session) -> String {
    let user = session.get("user").await.unwrap();
    user.unwrap_or_else(|| "nobody".to_owned())
}

async fn login(session: Session, Path(user): Path<String>) {
    session.cycle_id().await.unwrap();
    session.insert("user", user).await.unwrap();
}

async fn switch(session: Session, Path(user): Path<String>) {
    session.insert("user", user).await.unwrap();
}
