//! Limits in force: durations with the rules that set them.

use std::time::Duration;

use super::OnIdle;
use crate::policy::Rule;

/// A duration and the rule that set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) length: Duration,
    pub(crate) rule: Rule,
}

impl Limit {
    pub(super) fn min(self, length: Option<Duration>, rule: Rule) -> Self {
        match length {
            Some(length) if length < self.length => Self { length, rule },
            _ => self,
        }
    }

    pub(super) fn smaller(self, other: Self) -> Self {
        if other.length < self.length {
            other
        } else {
            self
        }
    }
}

/// What the policies of a route demand: the minimum over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AreaLimits {
    /// The longest pause since the last authentication.
    pub(crate) idle: Duration,
    /// The oldest authentication.
    pub(crate) absolute: Duration,
    /// How long before the user is warned, as the policies say.
    pub(crate) warn: Duration,
}

impl AreaLimits {
    pub(super) fn smaller(self, other: Self) -> Self {
        Self {
            idle: self.idle.min(other.idle),
            absolute: self.absolute.min(other.absolute),
            warn: self.warn.min(other.warn),
        }
    }
}

/// The limits in force for one session: its policy's, at the networks of its
/// last activity and of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) idle: Limit,
    pub(crate) absolute: Limit,
    pub(crate) warn: Duration,
    pub(crate) on_idle: OnIdle,
    pub(crate) lock_period: Duration,
}

impl Limits {
    /// Returns the idle timeout in force.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.idle.length
    }

    /// Returns how long the session is kept locked after its idle deadline. Zero
    /// if the policy ends idle sessions.
    #[must_use]
    pub fn lock_period(&self) -> Duration {
        match self.on_idle {
            OnIdle::End => Duration::ZERO,
            OnIdle::Lock => self.lock_period,
        }
    }

    /// Returns the absolute timeout in force.
    #[must_use]
    pub fn absolute(&self) -> Duration {
        self.absolute.length
    }
}
