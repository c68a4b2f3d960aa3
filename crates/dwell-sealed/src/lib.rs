//! Sessions of Dwell that their tokens carry: for services without a store.
//!
//! A token holds the session's facts and their instants, encrypted and
//! authenticated as PASETO v4.local (XChaCha20, BLAKE2b). Each recorded touch makes a
//! new token, within the policy's granularity. [`SealedStore`] has an example.
//!
//! # What is weaker than a store
//!
//! | a store | sealed |
//! |---|---|
//! | an end is known to every node | to the process that made it, for an hour and until the token's idle deadline; elsewhere by [`Epochs`], at the next request |
//! | a superseded token that returns ends the session (L10) | it is good until its own deadlines, with the rights that it had: nobody sees that it was copied |
//! | the idle timeout runs from the last activity | from the activity in the token shown: who keeps an older copy loses it earlier, never later |
//! | failed re-authentications are counted | in each process |
//! | concurrent sessions are limited and listed | a policy with a limit refuses logins; only sessions in use are listed |
//! | every end is reported, without a request (L12) | when a request finds it, by each process that does |
//! | streams end within a second of an end on any node (L14) | by time, and by ends in the same process |
//! | the store's clock judges (L11) | each node's own: keep them in step |
//!
//! What is not weaker: no request is admitted at or after a deadline in its token
//! (L1), only activity moves the idle deadline (L2), nothing moves the absolute one
//! (L3).
//!
//! | file | contents |
//! |---|---|
//! | `keys` | what seals and opens |
//! | `session` | the session as text |
//! | `in_use` | sessions that this process has requests or streams of |
//! | `store` | what stands in for a store |
//! | `source` | from the request, to the answer |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

mod in_use;
mod keys;
mod session;
mod source;
mod store;

pub use keys::{InvalidKey, SealingKeys};
pub use source::SealedSource;
pub use store::{Epochs, SealedStore};
