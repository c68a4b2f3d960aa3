//! What can be wrong with a policy, and where.

use std::fmt;
use std::time::Duration;

/// A policy that can't be in force, with the place that has to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The table, as a policy file names it: `policy.admin`, `network office`.
    pub table: String,
    /// The key in it, where one is at fault.
    pub key: &'static str,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// An address range that can't be read.
    BadCidr(String),
    /// The value must be given.
    Missing,
    /// Two things have the same name, or names that can't be told apart.
    NameTaken(String),
    /// A name is empty, too long, or has characters beyond letters, digits,
    /// `-` and `_`.
    BadName(String),
    /// The value is given, but another one that gives it a meaning is not.
    Without(&'static str),
    /// Two rules give the same address range.
    RangeTaken(String),
    /// An address range has bits set beyond its prefix; this is the corrected
    /// form.
    HostBits {
        /// What was given.
        given: String,
        /// What was probably meant.
        meant: String,
    },
    /// Longer than another value allows.
    LongerThan {
        /// The value.
        value: Duration,
        /// The name of the bound.
        bound: &'static str,
        /// The bound.
        limit: Duration,
    },
    /// Zero, a fraction of a second, or more than [`MAX_DURATION`](super::MAX_DURATION).
    OutOfRange(Duration),
    /// More entries than Dwell keeps.
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
        let time = humantime::format_duration;
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
                time(*value),
                time(*limit)
            ),
            Self::OutOfRange(value) => write!(
                f,
                "{} is out of range: whole seconds, from 1s to 366days",
                time(*value)
            ),
            Self::TooMany { limit } => write!(f, "more than {limit}"),
        }
    }
}
