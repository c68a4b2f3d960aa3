//! Tells active requests from passive ones.
//!
//! [`ActivityLayer`] writes what a request says of itself into the shared
//! handle; [`MarkLayer`] writes what a route says of its requests. Neither
//! decides: the core does, when the answer's status is known, so that the
//! order of the layers does not matter.
//!
//! The default classification ([`classify_headers`]) takes as passive:
//!
//! 1. what declares itself so: `Session-Activity: passive`, and any doubled,
//!    garbled or unknown declaration;
//! 2. prefetch and prerender: any `Sec-Purpose`, `Purpose` or `X-Moz` header;
//! 3. subresources of other sites: `Sec-Fetch-RequestContext: cross-site` unless it is
//!    a top-level navigation, and doubled or unknown fetch metadata;
//! 4. what browsers send on their own: CORS preflights and refreshes of
//!    device-bound credentials.
//!
//! ```
//! use dwell_core::{Fetch, RequestEvidence};
//! use dwell_tower::activity::{ActivityLayer, MarkLayer, classify_headers};
//! use http::{HeaderMap, Method};
//!
//! // A classification of your own starts from the default and adds to it.
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

pub use classify::{ClassifyActivity, DefaultClassifier, classify_headers};
pub use layer::{ActivityLayer, ActivityService};
pub use mark::{MarkLayer, MarkService};
