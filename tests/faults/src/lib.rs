//! Breaks stores and nodes under load, and checks the history of answers.
//!
//! Many virtual users bank at two nodes that share a store. They log in, click,
//! poll, re-authenticate, leave, return, send old tokens and sign out, each
//! time at a random node. Every request is recorded with its answer. Meanwhile
//! a server is killed, stopped, slowed down or cut off. Afterwards
//! [`checker::check`] compares the history, and the events that the nodes
//! reported, with the laws.
//!
//! `cargo run -p dwell-faults` does all runs and writes the results to
//! `target/faults.md`. Each run is also a test in `tests`.
//!
//! | file | contents |
//! |---|---|
//! | `history` | the record of a run |
//! | `checker` | the rules that it must satisfy |
//! | `client`, `user`, `dice` | the load |
//! | `node`, `stage` | two nodes and their users |
//! | `runs` | the faults |
//! | `figures` | figures for the report |

pub mod checker;
pub mod client;
pub mod clock;
pub mod dice;
pub mod figures;
pub mod history;
pub mod node;
pub mod runs;
pub mod stage;
pub mod user;

/// Why a run could not be made. Violations are no error.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of a run.
pub type Result<T> = std::result::Result<T, Error>;
