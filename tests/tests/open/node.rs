//! A node: a router on a socket, over a store that others share.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::Message;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use dwell_axum::store::SessionStore;
use dwell_axum::*;
use dwell_tests::Browser;
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::interval;

/// A node that runs until this is dropped.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) sessions: SessionManager,
    serving: JoinHandle<()>,
}

impl Node {
    pub(crate) async fn start(store: impl SessionStore, idle: Duration) -> Self {
        let policy = Policy::named("default").idle(idle).absolute(hours(1));
        let policies = PolicySet::builder(policy.warn(seconds(1))).build().unwrap();
        let sessions = SessionManager::builder(store, policies).build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = routes().layer(session_timeout(&sessions));
        let serving = tokio::spawn(async move {
            let service = app.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.unwrap();
        });
        Self {
            address,
            sessions,
            serving,
        }
    }

    /// Opens a browser in which alice is newly signed in.
    pub(crate) async fn alice(&self) -> Browser {
        let browser = Browser::new(self.address);
        let answer = browser.post("/login", "").await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        browser
    }

    /// Sends the browser's requests to this node.
    pub(crate) fn served_here(&self, browser: &Browser) -> Browser {
        Browser::with_jar(self.address, browser.jar())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn routes() -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/", get(async |s: Session| s.subject().to_string()))
        .route("/ws", any(echo))
        .route("/stream", get(silent).layer(passive()))
        .route("/download", get(endless).layer(passive()))
        .route("/poll", get(poll).layer(passive()))
        .route("/upload", post(upload))
        .merge(session_endpoints())
}

async fn login(login: LoginSession) -> Result<(), SessionError> {
    login.start(NewSession::new("alice")).await?;
    Ok(())
}

/// A long poll that nothing answers.
async fn poll(_: Session) -> String {
    std::future::pending().await
}

/// Acts once all of its body has arrived.
async fn upload(_: Session, body: Bytes) -> String {
    format!("moved {}", body.len())
}

/// An event stream of the application, with one event.
async fn silent(_: Session) -> Response {
    use futures_util::StreamExt;

    let hello = Ok::<_, Infallible>(Event::default().event("hello").data("-"));
    let then = stream::once(async { hello }).chain(stream::pending());
    Sse::new(then).into_response()
}

/// Endless bytes, a few at a time.
async fn endless(_: Session) -> Response {
    let pace = interval(Duration::from_millis(20));
    let chunks = stream::unfold(pace, async |mut pace| {
        pace.tick().await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b"aaaa")), pace))
    });
    Body::from_stream(chunks).into_response()
}

async fn echo(upgrade: SessionWebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket: SessionWebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
                break;
            }
        }
    })
}
