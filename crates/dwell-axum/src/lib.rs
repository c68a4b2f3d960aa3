//! Session timeouts for axum: layers, route annotations, extractors and
//! session endpoints.
//!
//! [`session_timeout`] goes around a router. It ends sessions by an idle and an
//! absolute timeout that the server enforces, and counts only requests that show
//! a person at work. It works with the authentication that you have: who logs in,
//! and how, stays with you.
//!
//! | to | use |
//! |---|---|
//! | set the timeouts | [`PolicySet`], from code or from TOML (feature `policy-file`) |
//! | keep sessions | [`SessionManager`] over a store, such as [`MemoryStore`] |
//! | enforce the timeouts | [`session_timeout`], around the router |
//! | protect a route | [`Session`] as an extractor |
//! | start a session, authenticate again | [`LoginSession`] as an extractor |
//! | keep a poll from counting | [`passive`]; its opposite is [`active`] |
//! | give a route stricter limits | [`policy`] |
//! | require a recent, strong authentication | [`privileged`] with an [`AuthenticationRequirement`] |
//! | tell who uses a browser that refuses the cookie | [`CookieProbe`] |
//! | let a page ask for the time left, extend and sign out | [`session_endpoints`], [`StatusDocument`] |
//! | warn before the end, in the browser | [`browser()`](browser) (feature `browser`) |
//! | open a WebSocket that ends with its session | [`SessionWebSocketUpgrade`] (feature `ws`) |
//! | answer when a command fails | [`SessionError`] |
//! | receive events | [`Observer`], [`Event`] |
//!
//! The [`prelude`] has what most programs import. All of `dwell-core` is
//! re-exported here, and [`dwell_tower`] as a module, so that an application adds
//! one dependency.
//!
//! # A router with sessions
//!
//! ```
//! use axum::Router;
//! use axum::body::Body;
//! use axum::routing::{get, post};
//! use dwell_axum::prelude::*;
//! use dwell_axum::{ManualClock, Session};
//! use dwell_testkit::TestClient;
//!
//! async fn login(login: LoginSession) -> Result<(), SessionError> {
//!     login.start(NewSession::new("alice")).await?; // after checking the password
//!     Ok(())
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let clock = ManualClock::new(); // in production: `MemoryStore::new()`
//! let store = MemoryStore::with_clock(clock.clone());
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
//! let sessions = SessionManager::builder(store, policies).build();
//! let recent = AuthenticationRequirement::within(minutes(5));
//! let app: Router = Router::new()
//!     .route("/login", post(login))
//!     .route("/", get(async |s: Session| format!("Hello {}", s.subject())))
//!     .route("/news", get(async |_: Session| "none").layer(passive()))
//!     .route("/transfer", post(async |_: Session| "done").layer(privileged(recent)))
//!     .merge(session_endpoints())
//!     .layer(session_timeout(&sessions).with_login("/login"));
//!
//! let mut browser = TestClient::new(app.into_service::<Body>());
//! assert_eq!(browser.get("/").await.status, 401);
//! browser.post("/login", "").await;
//! assert_eq!(browser.get("/").await.text(), "Hello alice");
//!
//! // Activity moves the idle deadline.
//! clock.advance(minutes(10));
//! let page = browser.get("/").await;
//! assert_eq!(page.header("session-timeout"), Some("idle=900, absolute=28200, warn=60"));
//! // The login was ten minutes ago: too old for a transfer.
//! let transfer = browser.post("/transfer", "").await;
//! assert_eq!(transfer.reason().as_deref(), Some("step_up_required"));
//!
//! // A poll moves no deadline.
//! clock.advance(minutes(10));
//! let news = browser.get("/news").await;
//! assert_eq!(news.header("session-timeout"), Some("idle=300, absolute=27600, warn=60"));
//! clock.advance(minutes(5));
//! let news = browser.get("/news").await;
//! assert_eq!(news.status, 401);
//! assert_eq!(news.reason().as_deref(), Some("idle_timeout"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is protected
//!
//! Extracting a [`Session`], or [`privileged`], protects a route. Other routes are
//! public, unless the stack is set to
//! [`SessionRequirement::Required`](dwell_tower::idle::SessionRequirement). There a
//! request with an ended or locked session is anonymous: `Option<Session>` is
//! `None`, and [`LoginSession::end_reason`] tells why. If another middleware owns the
//! session, such a request is refused on every route but the login and
//! re-authentication pages and exempt paths.
//!
//! Add [`session_timeout`] with [`Router::layer`](axum::Router::layer) after all
//! routes, so that it surrounds them and the fallback. A route that is added
//! later has no session, and neither has the fallback if the stack is added with
//! `route_layer`: extractors and annotations answer 500 there, and the log names
//! what is missing.
//!
//! # Annotations
//!
//! [`passive`], [`active`], [`policy`] and [`privileged`] are layers for a method
//! router or a router. They apply to the routes added before:
//!
//! | written | applies to |
//! |---|---|
//! | `get(a).layer(passive()).post(b)` | `GET` |
//! | `get(a).post(b).layer(passive())` | `GET`, `POST`, and the answer to other methods |
//! | `Router::new().route(…).layer(passive())` | all routes so far, and the router's fallback |
//! | `Router::new().route(…).route_layer(passive())` | all routes so far |
//!
//! Combine several as a tuple: `.layer((policy("admin"), passive()))`. Their order
//! makes no difference: passive beats active, and of several policies the smallest
//! limits win.
//!
//! # What is refused, and how
//!
//! Programs get problem details (RFC 9457) with a `reason`. Page navigations are
//! redirected if the stack knows a login or re-authentication page. Layers,
//! extractors and endpoints answer alike;
//! [`with_rejection`](dwell_tower::SessionTimeoutLayer::with_rejection) replaces
//! the answers of all.
//!
//! | case | status | `reason` |
//! |---|---|---|
//! | no session, but the route requires one | 401 | `session_required` |
//! | the session has ended | 401, cookie removed | an [`EndReason`], such as `idle_timeout` |
//! | the session is locked | 401 | `session_locked` |
//! | the authentication is too old or too weak | 401 | `step_up_required` |
//! | the store does not answer | 503, `Retry-After` | `store_unavailable` |
//! | a layer, a policy or the client's address is missing | 500 | none; the log names it |
//!
//! # Streams and WebSockets
//!
//! Open connections end with their session:
//!
//! | kind | how it ends |
//! |---|---|
//! | an event stream | a last event `session-expired` with the data `{"reason":"idle_timeout"}`, or another reason; `step-up-required` where the route asks for authentication |
//! | any other streamed body | it breaks off |
//! | a WebSocket by [`SessionWebSocketUpgrade`] | close code 4401 with the reason |
//! | a WebSocket by axum's `WebSocketUpgrade` in a session | refused with 500: nothing would end it |
//!
//! To let a download finish after its session's end, put
//! [`UpgradePolicy::OutlivesSession`](dwell_tower::open::UpgradePolicy) into the
//! answer's extensions. Mark streams as [`passive`] if a page reopens them
//! automatically.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|:-:|---|
//! | `policy-file` | yes | [`PolicySet::from_toml`]: policies from a TOML file |
//! | `connect-info` | yes | the client's address, read from [`ConnectInfo`](axum::extract::ConnectInfo). Without it, set the source with [`SessionTimeoutLayer::with_peer`] if policies name networks |
//! | `browser` | | [`browser()`](browser): serves the script of `<session-timeout>` |
//! | `proxy-protocol` | | [`ProxyProtocolListener`]: the client's address from the PROXY protocol |
//! | `ws` | | [`SessionWebSocketUpgrade`]: WebSockets that end with their session |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod area;
mod body;
#[cfg(feature = "browser")]
mod browser;
mod cookie_probe;
mod endpoints;
mod error;
mod events;
mod extract;
mod noscript;
mod problem;
#[cfg(feature = "proxy-protocol")]
mod proxy_protocol;
mod route;
mod stack;
mod status;
#[cfg(feature = "ws")]
mod web_socket;

/// Re-exports what most programs import, except [`Session`]: tower-sessions has a
/// type of the same name, so import `dwell_axum::Session` by name.
///
/// ```
/// use axum::{Router, routing::get};
/// use dwell_axum::Session;
/// use dwell_axum::prelude::*;
///
/// let app: Router = Router::new()
///     .route("/", get(async |session: Session| session.subject().to_string()))
///     .route("/poll", get(async |_: Session| "nothing new").layer(passive()));
/// # let _ = app;
/// ```
pub mod prelude {
    #[cfg(feature = "browser")]
    pub use crate::browser;
    pub use crate::{
        AuthenticationContext, AuthenticationRequirement, EndReason, LoginSession, MemoryStore,
        NewSession, Policy, PolicySet, SessionError, SessionManager, Timeouts, Which, active,
        hours, minutes, passive, policy, privileged, seconds, session_endpoints, session_timeout,
    };
}

pub use dwell_core::*;
pub use dwell_memory::MemoryStore;
pub use dwell_tower::gateway::public_path;
pub use dwell_tower::{NearCache, safe_return_to};
pub use {dwell_core, dwell_memory, dwell_tower};

pub use body::AxumBodyFactory;
#[cfg(feature = "browser")]
pub use browser::browser;
pub use cookie_probe::CookieProbe;
pub use endpoints::{
    SiteData, session_endpoints, session_endpoints_at, session_endpoints_clearing,
};
pub use error::SessionError;
pub use extract::{LoginSession, Session, SessionRejection};
#[cfg(feature = "proxy-protocol")]
pub use proxy_protocol::{ProxyProtocolAddr, ProxyProtocolListener, ProxyProtocolStream};
pub use route::{active, passive, policy, privileged, token_refresh};
pub use stack::{SessionTimeoutLayer, session_timeout};
pub use status::{AreaStatus, StatusDocument};
#[cfg(feature = "ws")]
pub use web_socket::{SESSION_OVER, SessionWebSocket, SessionWebSocketUpgrade};
