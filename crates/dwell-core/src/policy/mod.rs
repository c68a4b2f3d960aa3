//! Policies: how long a session may dwell, by sensitivity and by network.
//!
//! A [`PolicySet`] holds the `default` policy, named ones that routes opt in
//! to, the organization's ceilings, the named networks and the source of the
//! client's address. It is built in code or read from TOML
//! (`PolicySet::from_toml`), into the same types. [`LivePolicies`] is the set in
//! force, replaced whole by a reload.
//!
//! Limits combine by minimum (law L6). Only one thing ever lengthens one: a
//! named network replaces the *default* policy's idle timeout, up to the
//! preset's bound and the organization's ceiling. For every other policy a
//! network only shortens it.

mod builder;
mod client_ip;
mod error;
#[cfg(feature = "policy-file")]
mod file;
mod limits;
mod live;
mod network;
mod network_index;
mod overlay;
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
pub use rule::{Rule, Unmarked};
pub use set::PolicySet;
pub use set_builder::{PolicySetBuilder, Timeouts};

use crate::session::PolicyId;

/// The longest duration that a policy takes: 366 days.
pub const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 3_600);

/// The most policies in one set.
pub const MAX_POLICIES: usize = 64;

/// What an idle timeout does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum OnIdle {
    /// It ends the session.
    #[default]
    End,
    /// It locks the session: the same subject can go on after authenticating
    /// again (NIST SP 800-63B-4 §2.2.3), within the lock period and never
    /// past the absolute deadline.
    Lock,
}

/// What a login does when its subject has as many sessions as allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnLimit {
    /// It ends the session whose last activity is oldest.
    EndOldest,
    /// The login is refused.
    RefuseNew,
}

/// How many sessions a subject may have at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionLimit {
    /// The most sessions; at least one.
    pub max: u32,
    /// What happens to one more.
    pub on_limit: OnLimit,
}

/// One policy with every value settled.
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
    pub(crate) granularity: Option<Duration>,
    pub(crate) session_limit: Option<SessionLimit>,
}

impl Policy {
    /// Starts a policy of this name. What it leaves unset comes from the
    /// preset, else from the policy named `default`.
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

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The short form of its name.
    #[must_use]
    pub fn id(&self) -> PolicyId {
        self.id
    }

    /// Its own idle timeout, before networks and ceilings.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.idle
    }

    /// Its own absolute timeout, before ceilings.
    #[must_use]
    pub fn absolute(&self) -> Duration {
        self.absolute
    }

    /// How long before the nearest deadline the user is warned.
    #[must_use]
    pub fn warn(&self) -> Duration {
        self.warn
    }

    /// The oldest authentication that privileged routes accept, unless they
    /// say otherwise. Five minutes where no policy states it.
    #[must_use]
    pub fn reauthenticate(&self) -> Duration {
        self.reauthenticate
    }

    /// What its idle timeout does.
    #[must_use]
    pub fn on_idle(&self) -> OnIdle {
        self.on_idle
    }

    /// How long a locked session waits for its subject. One hour where no
    /// policy states it.
    #[must_use]
    pub fn lock_period(&self) -> Duration {
        self.lock_period
    }

    /// How requests on routes without a mark are seen.
    #[must_use]
    pub fn unmarked(&self) -> Unmarked {
        self.unmarked
    }

    /// How many sessions its subjects may have; `None`: any number.
    #[must_use]
    pub fn session_limit(&self) -> Option<SessionLimit> {
        self.session_limit
    }
}
