//! Builds policies and validates them.

use std::time::Duration;

use super::error::{PolicyError, Problem};
use super::preset::Preset;
use super::{MAX_DURATION, OnIdle, OnLimit, Policy, SessionLimit};
use crate::policy::{Unmarked, Unprompted};
use crate::session::PolicyId;
use crate::time::{hours, minutes, seconds};

/// Builds one policy; see [`Policy::named`]. [`PolicySetBuilder::build`]
/// validates it. Durations are whole seconds, from one second to
/// [`MAX_DURATION`].
///
/// Values left unset come from the policy's own preset, then from the policy
/// `default`, then from the defaults named at each method.
///
/// [`PolicySetBuilder::build`]: crate::PolicySetBuilder::build
#[derive(Clone, Debug)]
pub struct PolicyBuilder {
    pub(super) name: String,
    pub(super) preset: Option<Preset>,
    pub(super) idle: Option<Duration>,
    pub(super) absolute: Option<Duration>,
    pub(super) warn: Option<Duration>,
    pub(super) reauthenticate: Option<Duration>,
    pub(super) on_idle: Option<OnIdle>,
    pub(super) lock_period: Option<Duration>,
    pub(super) unmarked: Option<Unmarked>,
    pub(super) unprompted: Option<Unprompted>,
    pub(super) granularity: Option<Duration>,
    pub(super) session_limit: Option<SessionLimit>,
    pub(super) in_flight: Option<Duration>,
    pub(super) hold: Option<Duration>,
}

impl PolicyBuilder {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            preset: None,
            idle: None,
            absolute: None,
            warn: None,
            reauthenticate: None,
            on_idle: None,
            lock_period: None,
            unmarked: None,
            unprompted: None,
            granularity: None,
            session_limit: None,
            in_flight: None,
            hold: None,
        }
    }

    /// Starts from a preset of a standard. Its numbers are upper bounds: larger
    /// values are cut, with a warning. Defaults to the preset of the policy
    /// `default`, if it has one.
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        self.preset = Some(preset);
        self
    }

    /// Sets the idle timeout: the session ends after this long without
    /// activity. Required for `default`, unless its preset states one.
    #[must_use]
    pub fn idle(mut self, timeout: Duration) -> Self {
        self.idle = Some(timeout);
        self
    }

    /// Sets the absolute timeout: the session ends this long after the login.
    /// At least `idle`. Required for `default`, unless its preset states one.
    #[must_use]
    pub fn absolute(mut self, timeout: Duration) -> Self {
        self.absolute = Some(timeout);
        self
    }

    /// Sets how long before the end the user is warned. At most `idle`.
    /// Defaults to one minute, at most half of `idle`.
    #[must_use]
    pub fn warn(mut self, before: Duration) -> Self {
        self.warn = Some(before);
        self
    }

    /// Sets the age up to which
    /// [`AuthenticationRequirement::by_policy`](crate::AuthenticationRequirement::by_policy)
    /// accepts an authentication: at most the absolute timeout. Defaults to five
    /// minutes, at most the absolute timeout.
    #[must_use]
    pub fn reauthenticate(mut self, max_age: Duration) -> Self {
        self.reauthenticate = Some(max_age);
        self
    }

    /// Sets whether the idle timeout ends or locks the session. Defaults to
    /// [`OnIdle::End`].
    #[must_use]
    pub fn on_idle(mut self, on_idle: OnIdle) -> Self {
        self.on_idle = Some(on_idle);
        self
    }

    /// Sets how long a locked session waits for its subject to authenticate.
    /// Defaults to one hour.
    #[must_use]
    pub fn lock_period(mut self, period: Duration) -> Self {
        self.lock_period = Some(period);
        self
    }

    /// Sets how requests on routes without a mark count. Defaults to
    /// [`Unmarked::Active`].
    #[must_use]
    pub fn unmarked(mut self, unmarked: Unmarked) -> Self {
        self.unmarked = Some(unmarked);
        self
    }

    /// Sets how page navigations count that no person is known to have started: a
    /// page with `<meta http-equiv="refresh">`, or a script that sets
    /// `location`. Defaults to [`Unprompted::Active`]. Safari does not send
    /// `Sec-Fetch-User`, so [`Unprompted::Passive`] makes its navigations passive;
    /// people who use it need pages that report their input, as `<session-timeout>`
    /// does.
    #[must_use]
    pub fn unprompted_navigations(mut self, unprompted: Unprompted) -> Self {
        self.unprompted = Some(unprompted);
        self
    }

    /// Sets the granularity: at most one touch per session is recorded in this
    /// time, so a session may end up to this much early. At most a quarter of
    /// the shortest idle timeout of the set. The smallest value that any
    /// policy states holds for the whole set. Defaults to a sixtieth of the
    /// shortest idle timeout, at most one minute.
    #[must_use]
    pub fn granularity(mut self, granularity: Duration) -> Self {
        self.granularity = Some(granularity);
        self
    }

    /// Limits the sessions that a subject may have at a time to `max`, at
    /// least 1. Unlimited by default.
    #[must_use]
    pub fn session_limit(mut self, max: u32, on_limit: OnLimit) -> Self {
        self.session_limit = Some(SessionLimit { max, on_limit });
        self
    }

    /// Bounds requests that are in flight when their session times out: they may
    /// go on until this long after their arrival. Then their bodies are cut, and
    /// those by a safe method are answered with 401. Unlimited by default: a
    /// request that was admitted in time finishes.
    #[must_use]
    pub fn in_flight(mut self, longest: Duration) -> Self {
        self.in_flight = Some(longest);
        self
    }

    /// Lets an active request hold its session while it is in flight, for this long
    /// after its arrival, such as for an upload that takes longer than the idle
    /// timeout. At most the absolute timeout; nothing moves the absolute
    /// deadline. By default such a request counts from its arrival only.
    ///
    /// Mark long polls as passive first: one without a mark is active, and would
    /// keep its session for as long as the page is open.
    #[must_use]
    pub fn hold(mut self, longest: Duration) -> Self {
        self.hold = Some(longest);
        self
    }

    /// Makes an error about this policy.
    #[cold]
    pub(super) fn error(&self, key: &'static str, problem: Problem) -> PolicyError {
        PolicyError::new(format!("policy.{}", self.name), key, problem)
    }

    /// Checks what does not depend on other policies.
    fn check(&self) -> Result<(), Wrong> {
        check_name(&self.name)?;
        let given = [
            ("idle", self.idle),
            ("absolute", self.absolute),
            ("warn", self.warn),
            ("reauthenticate", self.reauthenticate),
            ("lock_period", self.lock_period),
            ("granularity", self.granularity),
            ("in_flight", self.in_flight),
            ("hold", self.hold),
        ];
        for (key, value) in given {
            check_duration(key, value)?;
        }
        match self.session_limit {
            Some(limit) if limit.max == 0 => {
                Err(("max_sessions", Problem::OutOfRange(Duration::ZERO)))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn settle(&self, default: Option<&Policy>) -> Result<Policy, PolicyError> {
        self.try_settle(default)
            .map_err(|(key, problem)| self.error(key, problem))
    }

    fn try_settle(&self, default: Option<&Policy>) -> Result<Policy, Wrong> {
        self.check()?;
        let preset = self.preset.or(default.and_then(|d| d.preset));
        let own = self.preset;
        let idle = self.idle.or(own.and_then(Preset::idle));
        let idle = idle.or(default.map(|d| d.idle));
        let idle = idle.ok_or(("idle", Problem::Missing))?;
        let absolute = self.absolute.or(own.and_then(Preset::absolute));
        let absolute = absolute.or(default.map(|d| d.absolute));
        let absolute = absolute.ok_or(("absolute", Problem::Missing))?;
        // An inherited value gives way to the stated one.
        let (idle, absolute) = match (self.idle, self.absolute) {
            (None, Some(stated)) => (idle.min(stated), absolute),
            (Some(stated), None) if self.name != "default" => (idle, absolute.max(stated)),
            _ => (idle, absolute),
        };
        let longer = |key, value, bound, limit| {
            let problem = Problem::LongerThan {
                value,
                bound,
                limit,
            };
            Err((key, problem))
        };
        if idle > absolute {
            return longer("idle", idle, "absolute", absolute);
        }
        for (key, value) in [("reauthenticate", self.reauthenticate), ("hold", self.hold)] {
            if let Some(value) = value.filter(|value| *value > absolute) {
                return longer(key, value, "absolute", absolute);
            }
        }
        if let Some(warn) = self.warn
            && warn > idle
        {
            return longer("warn", warn, "idle", idle);
        }
        if let Some(granularity) = self.granularity
            && granularity > idle / 4
        {
            return longer("granularity", granularity, "a quarter of idle", idle / 4);
        }
        let inherited_reauthenticate = default.map_or(minutes(5), |d| d.reauthenticate);
        let inherited_warn = default.map_or(minutes(1), |d| d.warn).min(idle / 2);
        Ok(Policy {
            id: PolicyId::of(&self.name),
            name: self.name.as_str().into(),
            preset,
            idle,
            absolute,
            warn: self.warn.unwrap_or(inherited_warn),
            reauthenticate: self
                .reauthenticate
                .unwrap_or(inherited_reauthenticate.min(absolute)),
            on_idle: self
                .on_idle
                .unwrap_or(default.map_or(OnIdle::End, |d| d.on_idle)),
            lock_period: self
                .lock_period
                .unwrap_or(default.map_or(hours(1), |d| d.lock_period)),
            unmarked: self
                .unmarked
                .unwrap_or(default.map_or(Unmarked::Active, |d| d.unmarked)),
            unprompted: self
                .unprompted
                .unwrap_or(default.map_or(Unprompted::Active, |d| d.unprompted)),
            granularity: self.granularity,
            session_limit: self.session_limit.or(default.and_then(|d| d.session_limit)),
            in_flight: self.in_flight.or(default.and_then(|d| d.in_flight)),
            hold: self.hold.or(default.and_then(|d| d.hold)),
        })
    }
}

/// The key of a wrong value, and what is wrong with it.
pub(super) type Wrong = (&'static str, Problem);

pub(super) fn check_name(name: &str) -> Result<(), Wrong> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(good) {
        return Ok(());
    }
    Err(("name", Problem::BadName(name.to_owned())))
}

pub(super) fn check_duration(key: &'static str, value: Option<Duration>) -> Result<(), Wrong> {
    match value {
        Some(d) if d < seconds(1) || d > MAX_DURATION || d.subsec_nanos() != 0 => {
            Err((key, Problem::OutOfRange(d)))
        }
        _ => Ok(()),
    }
}
