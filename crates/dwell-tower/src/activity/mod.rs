//! Distinguishes active requests from passive ones. Only active requests move
//! the idle deadline (law L2).
//!
//! [`ActivityLayer`] reads evidence from a request's headers; [`MarkLayer`]
//! marks the requests of a route. Both write into the request's
//! [`SessionState`](dwell_core::SessionState). The decision comes later, when
//! the answer's status is known, so the order of the layers does not matter.
//!
//! By the default classification ([`classify_headers`]), a request is passive if
//! it is:
//!
//! 1. declared passive: `Session-Activity: passive`, or a doubled, garbled or
//!    unknown declaration;
//! 2. a prefetch or prerender: any `Sec-Purpose`, `Purpose`, `X-Purpose`,
//!    `X-Sec-Purpose` or `X-Moz` header;
//! 3. of another origin: `Sec-Fetch-Site: cross-site` or `same-site`, except for
//!    top-level navigations, for requests with a bearer token, and for origins that
//!    [`with_origin`](crate::SessionTimeoutLayer::with_origin) lists; and doubled or
//!    unknown fetch metadata;
//! 4. sent by the browser alone: a CORS preflight, the refresh of a device-bound
//!    credential, a `ping` of a link, a report, a manifest, a service worker,
//!    media, or an `EventSource`.
//!
//! Whatever it carries, a request is also passive if it is refused or answered
//! with 404, 405, 410 or 5xx, or if its client leaves before it has reached a
//! route that is marked, or a handler that extracts a session.
//!
//! ```
//! use dwell_core::{Fetch, RequestEvidence};
//! use dwell_tower::activity::{ActivityLayer, MarkLayer, classify_headers};
//! use http::{HeaderMap, Method};
//!
//! // A custom classification that adds to the default.
//! let layer = ActivityLayer::new().with_classifier(|method: &Method, headers: &HeaderMap| {
//!     let mut evidence: RequestEvidence = classify_headers(method, headers);
//!     if headers.contains_key("x-uptime-check") {
//!         evidence.fetch = Fetch::Background;
//!     }
//!     evidence
//! });
//! let poll = MarkLayer::passive();
//! # let _ = (layer, poll);
//! ```

mod classify;
mod layer;
mod mark;
mod refresh;

pub use classify::{ClassifyActivity, DefaultClassifier, classify_headers};
pub use layer::{ActivityLayer, ActivityService};
pub use mark::{MarkLayer, MarkService};
pub use refresh::{Refresh, RefreshLayer};
