//! Session timeouts for axum: layers, route annotations, extractors and
//! session endpoints.
//!
//! [`session_timeout`] stands around a router. It ends sessions by an idle
//! and an absolute timeout that the server decides, and counts only what
//! shows that somebody is there. It sits beside the authentication that you
//! have: who logs in, and how, stays with you.
//!
//! | to | there is |
//! |---|---|
//! | say how long a session may dwell | [`PolicySet`], from code or from TOML |
//! | keep sessions | [`SessionManager`] over a store, such as [`MemoryStore`] |
//! | enforce the timeouts | [`session_timeout`], around the router |
//! | protect a route | [`Session`] as an extractor |
//! | start a session, authenticate again | [`LoginSession`] as an extractor |
//! | keep a poll from counting | [`passive`]; [`active`] for its contrary |
//! | give a route stricter limits | [`policy`] |
//! | demand a recent, strong authentication | [`privileged`] with a [`AuthenticationRequirement`] |
//! | let a page ask, extend and sign out | [`session_endpoints`], [`StatusDocument`] |
//! | warn before the end, in the browser | [`browser()`](browser) |
//! | open a WebSocket that ends with its session | [`SessionWebSocketUpgrade`] |
//! | answer for a command that failed | [`SessionError`] |
//! | watch what happens | [`Observer`], [`Event`] |
//!
//! All of `dwell-core` is re-exported here, and [`dwell_tower`] as a module,
//! so that an application adds one dependency.
//!
//! # A router with sessions
//!
//! ```
//! use axum::Router;
//! use axum::body::Body;
//! use axum::routing::{get, post};
//! use dwell_axum::*;
//! use dwell_testkit::TestClient;
//!
//! async fn login(login: LoginSession) -> Result<(), SessionError> {
//!     login.start(NewSession::new("alice")).await?; // after checking the password
//!     Ok(())
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let clock = ManualClock::new(); // `MemoryStore::new()` has the system's
//! let store = MemoryStore::with_clock(clock.clone());
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?; // idle, absolute
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
//! // The login was ten minutes ago: too long for this.
//! let transfer = browser.post("/transfer", "").await;
//! assert_eq!(transfer.reason().as_deref(), Some("step_up_required"));
//!
//! // A poll moves nothing.
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
//! A route is protected by extracting a [`Session`], or by
//! [`privileged`]; others serve whoever comes, unless the stack is told
//! that [`SessionRequirement::Required`](dwell_tower::idle::SessionRequirement). A request that
//! brings a session which has ended, or is locked, is refused everywhere but
//! on the paths that are named as login or re-authentication page, or as
//! exempt.
//!
//! Put [`session_timeout`] on with [`Router::layer`](axum::Router::layer)
//! after all routes are there, so that it stands around them and around the
//! fallback. A route that is added later, or a fallback of a router that has
//! it as a `route_layer`, has no session: extractors and annotations answer
//! 500 there, and the log names what is missing.
//!
//! # Annotations
//!
//! [`passive`], [`active`], [`policy`] and [`privileged`] are layers. They go
//! on a method router, on a router, or on one as a `route_layer`, and hold for
//! what is there already:
//!
//! | written | holds for |
//! |---|---|
//! | `get(a).layer(passive()).post(b)` | `GET` |
//! | `get(a).post(b).layer(passive())` | `GET`, `POST`, and the answer to other methods |
//! | `Router::new().route(…).layer(passive())` | all routes so far, and the router's own fallback |
//! | `Router::new().route(…).route_layer(passive())` | all routes so far |
//!
//! Several go together as a tuple, `.layer((policy("admin"), passive()))`,
//! whose first stands outermost. Their order makes no difference to what they
//! mean: passive beats active, and policies combine by minimum.
//!
//! # What is refused, and how
//!
//! Programs get problem details (RFC 9457) with a `reason`; page navigations
//! get a redirect where a page is named. Both are the same in the layers, the
//! extractors and the endpoints; `SessionTimeoutLayer::with_rejection`
//! replaces them all.
//!
//! | case | status | `reason` |
//! |---|---|---|
//! | no session where one is required | 401 | `session_required` |
//! | the session has ended | 401, cookie removed | an [`EndReason`], such as `idle_timeout` |
//! | it is locked | 401 | `session_locked` |
//! | its authentication is too old or too weak | 401 | `step_up_required` |
//! | the store does not answer | 503, `Retry-After` | `store_unavailable` |
//! | something is wired wrongly | 500 | none; the log says what |
//!
//! # What stays open
//!
//! Event streams and other streamed bodies end with their session: an event
//! stream with a last event `session-expired`, whose data is
//! `{"reason":"idle_timeout"}`; anything else breaks off. So do WebSockets by
//! [`SessionWebSocketUpgrade`], with code 4401; one that axum alone upgrades in
//! a session is answered with 500, since nothing would end it. A download that
//! is to outlive its session says so by
//! [`UpgradePolicy::OutlivesSession`](dwell_tower::open::UpgradePolicy) in the answer's
//! extensions. A page that opens streams again by itself should have them
//! [`passive`].
//!
//! # Features
//!
//! - `browser`: [`browser()`](browser), the script of the element
//!   `<session-timeout>`.
//! - `ws`: [`SessionWebSocketUpgrade`].
//! - `connect-info` (default): the client's address is read from
//!   [`ConnectInfo`](axum::extract::ConnectInfo). Without it, name the
//!   source of the address yourself
//!   ([`SessionTimeoutLayer::with_peer`]) when policies name networks.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
#[cfg(feature = "browser")]
mod browser;
mod endpoints;
mod error;
mod events;
mod extract;
mod noscript;
mod problem;
mod route;
mod same_origin;
mod stack;
mod status;
#[cfg(feature = "ws")]
mod web_socket;

/// What most programs import: everything but [`Session`], whose name
/// tower-sessions has as well. Extract the right one by naming its crate.
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
pub use dwell_tower::{NearCache, safe_return_to};
pub use {dwell_core, dwell_memory, dwell_tower};

pub use body::AxumBodyFactory;
#[cfg(feature = "browser")]
pub use browser::browser;
pub use endpoints::{session_endpoints, session_endpoints_at};
pub use error::SessionError;
pub use extract::{LoginSession, Session, SessionRejection};
pub use route::{active, passive, policy, privileged};
pub use stack::{SessionTimeoutLayer, session_timeout};
pub use status::StatusDocument;
#[cfg(feature = "ws")]
pub use web_socket::{SESSION_OVER, SessionWebSocket, SessionWebSocketUpgrade};
