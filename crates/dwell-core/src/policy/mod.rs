//! Policies: how long a session may live, by sensitivity and by network.
//!
//! A [`PolicySet`] holds the policy `default`, named policies that routes and
//! logins opt in to, the organization's ceilings, the named networks and the
//! source of the client's address. Build it in code, or read it from TOML with
//! `PolicySet::from_toml`. [`LivePolicies`] is the set in force; a reload
//! replaces it whole.
//!
//! Limits combine by minimum (law L6). There is one exception: a named network
//! replaces the idle timeout of the policy `default`, also by a longer one, up
//! to the preset's bound and the organization's ceiling. For other policies a
//! network only shortens.

mod area;
mod builder;
mod client_ip;
mod duration;
mod error;
#[cfg(feature = "policy-file")]
mod file;
mod limits;
mod live;
mod network;
mod network_index;
mod preset;
mod requirement;
mod rule;
mod set;
mod set_builder;

use std::time::Duration;

pub use builder::PolicyBuilder;
pub use client_ip::{ClientIp, ClientIpSource};
pub use error::{PolicyError, Problem};
#[cfg(feature = "policy-file")]
pub use file::PolicyFileError;
pub use limits::Limits;
pub use live::{LivePolicies, PoliciesInForce};
pub use network::MAX_RANGES;
pub use network_index::NetworkMatch;
pub use preset::Preset;
pub use requirement::AuthenticationRequirement;
pub use rule::{Rule, Unmarked, Unprompted};
pub use set::PolicySet;
pub use set_builder::{PolicySetBuilder, Timeouts};

use crate::session::PolicyId;

/// The longest duration in a policy: 366 days.
pub const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 3_600);

/// The most policies in one set: 64.
pub const MAX_POLICIES: usize = 64;

/// What an idle timeout does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnIdle {
    /// Ends the session. The default.
    #[default]
    End,
    /// Locks the session until the same subject authenticates again (NIST SP
    /// 800-63B-4 §2.2.3), within the lock period and never past the absolute
    /// deadline.
    Lock,
}

/// What a login does when its subject has as many sessions as allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "every store must do each")]
pub enum OnLimit {
    /// Ends the session whose last activity is oldest.
    EndOldest,
    /// Fails with
    /// [`CommandError::TooManySessions`](crate::CommandError::TooManySessions).
    RefuseNew,
}

/// How many sessions a subject may have at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "tests of stores construct it")]
pub struct SessionLimit {
    /// The most sessions, at least 1.
    pub max: u32,
    /// What happens at one more login.
    pub on_limit: OnLimit,
}

/// One policy of a set, with every value resolved.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) name: Box<str>,
    pub(crate) id: PolicyId,
    pub(crate) preset: Option<Preset>,
    pub(crate) idle: Duration,
    pub(crate) absolute: Duration,
    pub(crate) warn: Duration,
    pub(crate) reauthenticate: Duration,
    pub(crate) on_idle: OnIdle,
    pub(crate) lock_period: Duration,
    pub(crate) unmarked: Unmarked,
    pub(crate) unprompted: Unprompted,
    pub(crate) granularity: Option<Duration>,
    pub(crate) session_limit: Option<SessionLimit>,
    pub(crate) in_flight: Option<Duration>,
    pub(crate) hold: Option<Duration>,
}

impl Policy {
    /// Starts building a policy with this name: 1 to 64 letters, digits, `-`
    /// or `_`. Values left unset come from the policy's own preset, then from
    /// the policy `default`.
    ///
    /// ```
    /// use dwell_core::{Policy, PolicySet, Preset, hours, minutes};
    ///
    /// let set = PolicySet::builder(
    ///     Policy::named("default").preset(Preset::NistAal3).absolute(hours(8)),
    /// )
    /// .policy(Policy::named("admin").idle(minutes(5)).absolute(hours(1)))
    /// .build()?;
    /// assert_eq!(set.policy("admin").map(|p| p.idle()), Some(minutes(5)));
    /// # Ok::<(), dwell_core::PolicyError>(())
    /// ```
    pub fn named(name: impl Into<String>) -> PolicyBuilder {
        PolicyBuilder::new(name.into())
    }

    /// Returns the policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the short form of the policy's name.
    #[must_use]
    pub fn id(&self) -> PolicyId {
        self.id
    }

    /// Returns the policy's own idle timeout, before networks and ceilings.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.idle
    }

    /// Returns the policy's own absolute timeout, before ceilings.
    #[must_use]
    pub fn absolute(&self) -> Duration {
        self.absolute
    }

    /// Returns how long before the nearest deadline the user is warned.
    #[must_use]
    pub fn warn(&self) -> Duration {
        self.warn
    }

    /// Returns the age up to which
    /// [`AuthenticationRequirement::by_policy`] accepts an authentication.
    #[must_use]
    pub fn reauthenticate(&self) -> Duration {
        self.reauthenticate
    }

    /// Returns whether the idle timeout ends or locks the session.
    #[must_use]
    pub fn on_idle(&self) -> OnIdle {
        self.on_idle
    }

    /// Returns how long a locked session waits for its subject.
    #[must_use]
    pub fn lock_period(&self) -> Duration {
        self.lock_period
    }

    /// Returns how requests on routes without a mark count.
    #[must_use]
    pub fn unmarked(&self) -> Unmarked {
        self.unmarked
    }

    /// Returns how navigations count that no person is known to have started.
    #[must_use]
    pub fn unprompted_navigations(&self) -> Unprompted {
        self.unprompted
    }

    /// Returns how long after its arrival a request may go on if its session has
    /// timed out, or `None` for as long as it takes.
    #[must_use]
    pub fn in_flight(&self) -> Option<Duration> {
        self.in_flight
    }

    /// Returns how long an active request in flight holds its session, or `None`
    /// if it does not.
    #[must_use]
    pub fn hold(&self) -> Option<Duration> {
        self.hold
    }

    /// Returns how many sessions a subject may have, or `None` for any number.
    #[must_use]
    pub fn session_limit(&self) -> Option<SessionLimit> {
        self.session_limit
    }
}
