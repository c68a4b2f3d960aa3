//! What a store needs that other nodes share.
//!
//! | file | what |
//! |---|---|
//! | `bounded` | a bound on waiting for its answers |
//! | `feed` | its changes, one watch per node and store |
//! | `follow` | begins a lost watch again |
//! | `near_cache` | copies of hot sessions on this node |

mod bounded;
mod feed;
mod follow;
mod near_cache;

pub use bounded::BoundedStore;
pub(crate) use feed::{Feed, Listener};
pub use near_cache::NearCache;
