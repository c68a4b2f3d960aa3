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
//! 3. subresources of other sites: `Sec-Fetch-Site: cross-site` unless it is
//!    a top-level navigation, and doubled or unknown fetch metadata;
//! 4. what browsers send on their own: CORS preflights and refreshes of
//!    device-bound credentials.

mod classify;
mod layer;
mod mark;

pub use classify::{ClassifyActivity, DefaultClassifier, classify_headers};
pub use layer::{ActivityLayer, ActivityService};
pub use mark::{MarkLayer, MarkService};
