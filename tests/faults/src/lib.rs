//! Breaks stores and nodes under load, and checks the history of what was
//! answered.
//!
//! Many virtual users bank at two nodes that share a store. They log in,
//! click, poll, confirm who they are, leave, return, show old tokens and sign
//! out, each time at a node that chance picks. Every request is written down
//! with its answer; meanwhile a server is killed, stopped, slowed down or cut
//! off. Afterwards [`checker::check`] compares that history, and what the
//! nodes reported, with the law.
//!
//! `cargo run -p dwell-faults` does all the runs and writes what came out to
//! `target/faults.md`; each is also a test in `tests`.
//!
//! | file | what |
//! |---|---|
//! | `history` | what is written down |
//! | `checker` | what must be true of it |
//! | `client`, `user`, `dice` | the load |
//! | `node`, `stage` | two nodes and their users |
//! | `runs` | what goes wrong |
//! | `figures` | numbers for people |

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

/// Why a run could not be made; what it found wrong is no error.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What runs return.
pub type Result<T> = std::result::Result<T, Error>;
