//! Sessions of Dwell in Redis or Valkey: one server, Sentinel or Cluster.
//!
//! ```no_run
//! use dwell_core::{PolicySet, Timeouts, SessionManager, hours, minutes};
//! use dwell_redis::RedisStore;
//!
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::connect("redis://127.0.0.1:6379/").await?;
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
//! let manager = SessionManager::builder(store, policies).build();
//! # let _ = manager;
//! # Ok(())
//! # }
//! ```
//!
//! Needs Redis 7.0 or any Valkey. What is promised:
//!
//! - **One command for each request**: a look-up is a `GET`, or a script that
//!   takes along the touch that an earlier request of the session earned.
//! - **The server's clock judges** (law L11), in a cluster that of the node
//!   that has the session.
//! - **The dead stay dead** (law L4): a touch patches 20 bytes of a session
//!   that is live by its recorded deadlines; updates are compare-and-set.
//! - **Every end has a witness** (law L12): no session leaves by a time-to-live
//!   of Redis. Deadlines stand in buckets, any number of nodes reap, and an end
//!   stays on record until it is reported.
//!
//! | file | what |
//! |---|---|
//! | `connect`, `url`, `error` | from a URL to a store, and why not |
//! | `link` | connections |
//! | `layout` | keys |
//! | `value` | a session as bytes |
//! | `script` | what is done in one step |
//! | `inner`, `time` | what all operations share: connections, settings, the server's clock |
//! | `session` | the operations on one session |
//! | `create`, `subject` | logins, and the list of a subject's sessions |
//! | `reap`, `settle`, `schedule`, `progress` | what is due |
//! | `store` | all operations, as the core asks for them |
//! | `watch` | what other nodes changed |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod connect;
mod create;
mod error;
mod inner;
mod layout;
mod link;
mod progress;
mod reap;
mod reply;
mod schedule;
mod script;
mod session;
mod settle;
mod store;
mod subject;
mod time;
mod url;
mod value;
mod watch;

pub use connect::RedisStoreBuilder;
pub use error::ConnectError;
pub use store::RedisStore;
