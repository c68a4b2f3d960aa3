//! Errors in policies.

use std::fmt;
use std::time::Duration;

use super::duration::Shown;

/// An error in a policy set, with the place to change.
///
/// Displays like `policy.admin.idle: must be given`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyError {
    /// The table, such as `policy.admin` or `network office`.
    pub table: String,
    /// The key in the table; empty if the whole table is wrong.
    pub key: &'static str,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The address range can't be read.
    BadCidr(String),
    /// The value must be given.
    Missing,
    /// The name is taken, or has the same hash as another name.
    NameTaken(String),
    /// The name is not 1 to 64 letters, digits, `-` or `_`.
    BadName(String),
    /// The value has no meaning without the named other value.
    Without(&'static str),
    /// The address range is given twice.
    RangeTaken(String),
    /// The address range has bits set beyond its prefix.
    HostBits {
        /// The range as given.
        given: String,
        /// The corrected range.
        meant: String,
    },
    /// The value is longer than another value allows.
    LongerThan {
        /// The value.
        value: Duration,
        /// The name of the bound.
        bound: &'static str,
        /// The bound.
        limit: Duration,
    },
    /// The duration is zero, not in whole seconds, or longer than
    /// [`MAX_DURATION`](super::MAX_DURATION).
    OutOfRange(Duration),
    /// There are more entries than allowed.
    TooMany {
        /// How many are allowed.
        limit: usize,
    },
}

impl PolicyError {
    pub(crate) fn new(table: impl Into<String>, key: &'static str, problem: Problem) -> Self {
        Self {
            table: table.into(),
            key,
            problem,
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table)?;
        if !self.key.is_empty() {
            write!(f, ".{}", self.key)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for PolicyError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadCidr(given) => write!(f, "{given:?} is not an address range"),
            Self::Missing => f.write_str("must be given"),
            Self::NameTaken(name) => write!(f, "the name {name:?} is taken"),
            Self::BadName(name) => write!(
                f,
                "{name:?} is not a name: 1 to 64 letters, digits, '-' or '_'"
            ),
            Self::Without(other) => write!(f, "means nothing without {other}"),
            Self::RangeTaken(range) => write!(f, "{range} is in two networks"),
            Self::HostBits { given, meant } => {
                write!(f, "{given} has bits set beyond its prefix; write {meant}")
            }
            Self::LongerThan {
                value,
                bound,
                limit,
            } => write!(
                f,
                "{} is longer than {bound} ({})",
                Shown(*value),
                Shown(*limit)
            ),
            Self::OutOfRange(value) => write!(
                f,
                "{} is out of range: whole seconds, from 1s to 366d",
                Shown(*value)
            ),
            Self::TooMany { limit } => write!(f, "more than {limit}"),
        }
    }
}
