//! Session timeout layers for any `tower::Service<http::Request<B>>`.
//!
//! [`SessionTimeoutLayer`] combines all of them in the right order. Use it
//! unless you have a reason not to. Each layer also works alone, inside a
//! [`SessionLayer`](session::SessionLayer):
//!
//! ```text
//! request ─▶ session    finds the session                    ─▶ answer: commits
//!            network    finds the client's network
//!            activity   classifies the request
//!            idle       decides, refuses sessions that have run out
//!            ─ your service, whose routes may be ─
//!            marked     activity::MarkLayer: passive or active
//!            stricter   idle::PolicyLayer: a named policy
//!            privileged step_up::StepUpLayer: recent, strong authentication
//! ```
//!
//! Layers never call one another. Each writes its part of the
//! [`SessionState`](dwell_core::SessionState) in the request's extensions, and
//! handlers read it as a [`SessionHandle`](dwell_core::SessionHandle). A layer
//! that finds no state, or no verdict when it needs one, answers 500 and logs
//! what is missing (law L16). No layer adds an error type: a refused request is
//! answered, and the typed [`Refusal`](rejection::Refusal) is in the answer's
//! extensions.
//!
//! The stack takes any body of [`Bytes`](bytes::Bytes) that can be sent between
//! threads and moved ([`BytesBody`](open::BytesBody)), and passes on a
//! [`SessionBody`](open::SessionBody), both of the request and of the answer: the
//! same body, or one that is cut when its session ends. A layer used alone needs a body
//! that implements [`From<Bytes>`](bytes::Bytes) for its refusals, as axum's
//! body and `Full<Bytes>` do.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use dwell_core::{ManualClock, NewSession, PolicySet, Timeouts};
//! use dwell_memory::MemoryStore;
//! use dwell_core::{SessionManager, hours, minutes};
//! use dwell_tower::SessionTimeoutLayer;
//! use dwell_tower::open::SessionBody;
//! use dwell_tower::rejection::{demand_session, session_state};
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! // The service signs alice in at /login. All else needs a session.
//! let bank = service_fn(async |request: Request<SessionBody<Full<Bytes>>>| {
//!     let (parts, _) = request.into_parts();
//!     if let ("/login", Ok(session)) = (parts.uri.path(), session_state(&parts)) {
//!         let started = session.start(NewSession::new("alice")).await;
//!         started.expect("a store in memory answers");
//!     } else if let Err(refused) = demand_session(&parts) {
//!         return Ok(refused.map(Full::new));
//!     }
//!     Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
//! });
//!
//! let clock = ManualClock::new();
//! let store = MemoryStore::with_clock(clock.clone());
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
//! let manager = SessionManager::builder(store, policies).build();
//! let mut bank = ServiceBuilder::new()
//!     .layer(SessionTimeoutLayer::new(&manager))
//!     .service(bank);
//!
//! let login = Request::get("/login").body(Full::default())?;
//! let answer = bank.ready().await?.call(login).await?;
//! let cookie = answer.headers()["set-cookie"].to_str()?;
//! let cookie = cookie.split(';').next().unwrap_or_default();
//!
//! let page = |cookie| Request::get("/").header("cookie", cookie).body(Full::default());
//! clock.advance(minutes(14));
//! let answer = bank.ready().await?.call(page(cookie)?).await?;
//! assert_eq!(answer.status(), StatusCode::OK);
//! assert_eq!(answer.headers()["session-timeout"], "idle=900, absolute=27960, warn=60");
//!
//! clock.advance(minutes(15));
//! let answer = bank.ready().await?.call(page(cookie)?).await?;
//! assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod activity;
mod cookie;
mod future;
pub mod gate;
pub mod gateway;
mod grpc;
mod head;
pub mod idle;
mod log;
pub mod network;
pub mod open;
mod reaper;
pub mod rejection;
mod remote;
mod return_to;
pub mod session;
mod stack;
pub mod step_up;
mod sync;
mod task;
mod timer;
mod touch;

pub use future::ResponseFuture;
pub use reaper::Reaper;
pub use remote::{BoundedStore, NearCache};
pub use return_to::safe_return_to;
pub use stack::{SessionTimeout, SessionTimeoutLayer};
