//! Keeps Dwell's sessions in a database. Enable feature `postgres` for
//! [`PostgresStore`], shared by many nodes, or `sqlite` for [`SqliteStore`],
//! for one node that must survive a restart. Without a feature this crate is
//! empty.
//!
//! ```toml
//! [dependencies]
//! dwell-sqlx = { version = "0.1", features = ["postgres-tls"] }
//! ```
//!
//! ```no_run
//! # #[cfg(feature = "postgres")]
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! use dwell_core::{PolicySet, SessionManager, Timeouts, hours, minutes};
//! use dwell_sqlx::PostgresStore;
//!
//! let store = PostgresStore::connect("postgres://app@db.internal/sessions").await?;
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
//! let manager = SessionManager::builder(store, policies).build();
//! # drop(manager);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|:-:|---|
//! | `postgres` | | [`PostgresStore`], without TLS |
//! | `postgres-tls` | | [`PostgresStore`], over TLS by rustls where the server offers it; `sslmode=verify-full` demands it |
//! | `sqlite` | | [`SqliteStore`], with SQLite built in |
//!
//! # Guarantees
//!
//! Both stores implement [`SessionStore`](dwell_core::store::SessionStore) and
//! pass the conformance suite of `dwell-testkit`. They create and migrate their
//! tables when they start, from any number of nodes at once, and refuse tables
//! of a newer release.
//!
//! # Cost
//!
//! A look-up is one statement. So is a touch, and a touch with the look-up
//! after it. In Postgres a touch writes one row and no index (a *HOT* update),
//! so the space of old row versions is reused within the page.
//!
//! # Power failures
//!
//! Postgres keeps what its `synchronous_commit` promises. SQLite keeps every
//! login, change and end that was answered. The last touches may be lost: a
//! session may end sooner, never later.

#![cfg_attr(docsrs, feature(doc_cfg))]
// These docs link to both stores, which exist only with both features.
#![cfg_attr(
    not(all(feature = "postgres", feature = "sqlite")),
    allow(rustdoc::broken_intra_doc_links)
)]

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod columns;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod error;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod judged;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod stored;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sweep;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use error::ConnectError;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresStore, PostgresStoreBuilder};
#[cfg(feature = "sqlite")]
pub use sqlite::{Durability, SqliteStore, SqliteStoreBuilder};
