//! Keeps Dwell's sessions in Redis or Valkey: one server, Sentinel or Cluster.
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
//! Needs Redis 7.0 or newer, or any Valkey. [`RedisStore`] promises:
//!
//! - **One command per request**: a look-up is a `GET`, or a script that also
//!   records the touch of an earlier request.
//! - **The server's clock judges** (law L11); in a cluster, that of the node
//!   that has the session.
//! - **An ended session stays ended** (law L4): a touch changes 20 bytes of a
//!   session that is live by its recorded deadlines; updates are
//!   compare-and-set.
//! - **Every end is reported** (law L12): no session ends by a time-to-live of
//!   Redis. Any number of nodes reap, and an end stays on record until it is
//!   acknowledged.
//!
//! | file | contents |
//! |---|---|
//! | `connect`, `url`, `error` | the builder, URLs, errors |
//! | `link` | connections |
//! | `layout` | names of keys |
//! | `value` | a session as bytes |
//! | `script` | the Lua scripts |
//! | `inner`, `time` | what all operations share: connections, settings, the server's clock |
//! | `session` | operations on one session |
//! | `create`, `subject` | logins, and a subject's list of sessions |
//! | `reported` | what follows once an end was reported |
//! | `reap`, `settle`, `schedule`, `progress` | reaping |
//! | `store` | the implementation of `SessionStore` |
//! | `watch` | changes made by other nodes |

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
mod reported;
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
