//! The application: sessions, and everything that gateways treat differently.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::sse::{Event, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use dwell_axum::*;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// An application that is served until this is dropped.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) clock: ManualClock,
    serving: JoinHandle<()>,
}

/// What a test sets in the stack.
pub(crate) type Setup = fn(SessionTimeoutLayer) -> SessionTimeoutLayer;

impl App {
    /// Starts an application that trusts the gateway about the client's address.
    pub(crate) async fn start(setup: Setup) -> Self {
        let clock = ManualClock::new();
        let store = MemoryStore::with_clock(clock.clone());
        let default = Policy::named("default").idle(minutes(15));
        let gateway = ClientIp::new(ClientIpSource::XForwardedFor, ["127.0.0.1/32"]).unwrap();
        let policies = PolicySet::builder(default.absolute(hours(8))).client_ip(gateway);
        let sessions = SessionManager::builder(store, policies.build().unwrap()).build();
        let app = routes().layer(setup(session_timeout(&sessions).with_login("/login")));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let service = app.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.unwrap();
        });
        Self {
            address,
            clock,
            serving,
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn routes() -> Router {
    let upload = async |_: Session, body: Bytes| body.len().to_string();
    let upload = post(upload).layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/", get(async |s: Session| s.subject().to_string()))
        .route("/login", get(login_page).post(login))
        .route("/poll", get(async |_: Session| ()).layer(passive()))
        .route("/address", get(address))
        .route("/upload", upload)
        .route("/download", get(download))
        .route("/stream", get(stream))
        .route("/ws", any(echo))
        .route("/authorized", get(async |_: Session| ()))
        .merge(session_endpoints())
}

async fn login_page(request: Request) -> Html<String> {
    let action = public_path(&request.into_parts().0, "/login");
    Html(format!(r#"<form method="post" action="{action}"></form>"#))
}

async fn login(login: LoginSession, request: Request) -> Result<Redirect, SessionError> {
    let home = public_path(&request.into_parts().0, "/");
    login.start(NewSession::new("alice")).await?;
    Ok(Redirect::to(&home))
}

/// The client's address, as events have it.
async fn address(session: Session) -> String {
    let address = session.handle().client_ip();
    address.map_or("unknown".to_owned(), |address| address.to_string())
}

/// An event stream that says nothing to gateways.
async fn stream(_: Session) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let first = stream::iter([Ok(Event::default().data("first"))]);
    Sse::new(first.chain(stream::pending()))
}

/// Begins with more than a gateway keeps back, and never ends by itself.
async fn download(_: Session) -> Body {
    let begin = "begin ".repeat(20_000);
    let begin = stream::iter([Ok::<_, Infallible>(Bytes::from(begin))]);
    Body::from_stream(begin.chain(stream::pending()))
}

async fn echo(upgrade: SessionWebSocketUpgrade) -> Response {
    let echo = async |mut socket: SessionWebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    };
    upgrade.on_upgrade(echo).into_response()
}
