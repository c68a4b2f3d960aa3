//! Carries the session token in a header of its own, for clients without
//! cookies.

use axum::Router;
use axum::routing::{get, post};
use dwell_axum::dwell_tower::gate::RequestHead;
use dwell_axum::dwell_tower::session::{Field, Found, GiveBack, SessionSource, SourceFuture};
use dwell_axum::prelude::*;
use dwell_axum::{Session, Token, TokenChange};
use http::{HeaderName, HeaderValue};

static X_SESSION: HeaderName = HeaderName::from_static("x-session");

#[derive(Debug)]
struct HeaderSource;

impl SessionSource for HeaderSource {
    fn find<'a>(
        &'a self,
        request: RequestHead<'a>,
        _: &'a SessionManager,
    ) -> SourceFuture<'a, Found> {
        let value = request.headers.get(&X_SESSION);
        let token = value.and_then(|value| Token::parse(value.as_bytes()));
        SourceFuture::ready(Ok(Found::tokens(token)))
    }

    /// A login and a rotation issue a token; an end removes it.
    fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
        let value = match answer.token_change() {
            TokenChange::Issue(token) => HeaderValue::from_str(token.expose()).ok(),
            TokenChange::Remove => Some(HeaderValue::from_static("")),
            _ => None,
        };
        let field = value.map(|value| (X_SESSION.clone(), value));
        SourceFuture::ready(Ok(field.into_iter().collect()))
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })?;
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let app = Router::new()
        .route(
            "/",
            get(async |s: Session| format!("Hello {}\n", s.subject())),
        )
        .route("/login", post(login))
        .route("/logout", post(async |s: Session| s.sign_out().await))
        .layer(session_timeout(&sessions).with_source(HeaderSource));
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app).await?)
}

async fn login(login: LoginSession) -> Result<&'static str, SessionError> {
    // … after checking the password:
    login.start(NewSession::new("alice")).await?;
    Ok("the token is in X-Session\n")
}
