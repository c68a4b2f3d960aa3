//! Sessions of Dwell in a database: [`PostgresStore`] for many nodes that
//! share them, [`SqliteStore`] for one node that must survive a restart.
//!
//! Both keep the contract of [`SessionStore`](dwell_core::store::SessionStore)
//! to the letter; `dwell-testkit` has the suite that says so. They create and
//! migrate their tables by themselves, also when many nodes start at once, and
//! refuse to work on tables of a newer release.
//!
//! # Features
//!
//! None is on by default: say which database you have.
//!
//! - `postgres`: [`PostgresStore`].
//! - `postgres-tls`: the same, over TLS where the server offers it, with
//!   rustls and the certificate authorities of Mozilla.
//! - `sqlite`: [`SqliteStore`], with SQLite itself built in.
//!
//! # What it costs
//!
//! A look-up is one statement, and so is a touch, also one with the look-up
//! after it. In Postgres a touch writes one row and no index (a *HOT* update),
//! so that steady traffic leaves nothing to vacuum that a page can't clean by
//! itself.
//!
//! # What is lost when the power fails
//!
//! Postgres keeps what its `synchronous_commit` promises. SQLite keeps every
//! login, change and end that was answered; the last touches may be lost, which
//! ends a session sooner and never later.
//!
//! ```no_run
//! # #[cfg(feature = "sqlite")]
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! use dwell_core::{PolicySet, Timeouts, SessionManager, hours, minutes};
//! use dwell_sqlx::SqliteStore;
//!
//! let store = SqliteStore::open("/var/lib/console/sessions.db").await?;
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?; // idle, absolute
//! let manager = SessionManager::builder(store, policies).build();
//! # drop(manager);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
// The pages name both stores, and only with both features there are both.
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
