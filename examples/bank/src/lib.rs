//! A small bank with real pages: the reference application of Dwell.
//!
//! `cargo run -p bank` serves the bank on <http://localhost:3000>, with timeouts
//! short enough to watch. Start reading at `routes.rs`: it shows how each route is
//! protected.
//!
//! `--store redis://…` or `--store postgres://…` shares the sessions with other
//! banks, and `--store sqlite:FILE` keeps them across restarts.
//!
//! As a library, [`Bank`] serves the application on your listener, with your store,
//! clock and policies.
//!
//! ```
//! use bank::Bank;
//! use dwell_axum::{ManualClock, MemoryStore, SessionManager};
//! use tokio::net::TcpListener;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let clock = ManualClock::new();
//! let store = MemoryStore::with_clock(clock.clone());
//! let sessions = SessionManager::builder(store, bank::built_in_policies()?).build();
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let stop = async {}; // the bank stops when this completes; here, at once
//! Bank::new(&sessions).serve(listener, stop).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accounts;
mod api;
mod assets;
mod body;
mod command;
mod events;
mod headers;
mod money;
mod pages;
mod problem;
mod routes;
mod serve;
mod users;
mod ws;

use dwell_axum::{PolicyFileError, PolicySet};

pub use command::command;
pub use routes::ADMIN_POLICY;
pub use serve::Bank;
pub use users::{PASSWORD, USERS};

/// The built-in policy file, with timeouts short enough to watch.
pub const BUILT_IN_POLICY: &str = include_str!("../bank.toml");

/// Returns the policies of [`BUILT_IN_POLICY`].
///
/// # Errors
/// Never: a test checks the file.
pub fn built_in_policies() -> Result<PolicySet, PolicyFileError> {
    PolicySet::from_toml("bank.toml", BUILT_IN_POLICY)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn built_in_policy_matches_pages() {
        let set = built_in_policies().unwrap();
        assert_eq!(set.warnings(), [""; 0]);
        let seconds = Duration::from_secs;
        let default = set.policy("default").unwrap();
        assert_eq!(default.idle(), seconds(60));
        assert_eq!(default.warn(), seconds(20));
        assert_eq!(default.absolute(), seconds(600));
        assert_eq!(default.reauthenticate(), seconds(120));
        let admin = set.policy(ADMIN_POLICY).unwrap();
        assert!(admin.idle() < default.idle() && admin.absolute() < default.absolute());
    }
}
