//! Instants and durations: milliseconds, saturating, without a clock.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

/// An instant: whole milliseconds since 1970-01-01T00:00:00Z.
///
/// Arithmetic saturates, so it never overflows. A difference that would be
/// negative is zero.
///
/// ```
/// use dwell_core::{Timestamp, minutes};
///
/// let login = Timestamp::from_millis(1_000);
/// let later = login + minutes(2);
/// assert_eq!(later - login, minutes(2));
/// assert_eq!(login - later, minutes(0));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The earliest instant, 1970-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// The latest instant: a deadline that never comes.
    pub const MAX: Self = Self(u64::MAX);

    /// Returns the instant `millis` milliseconds after 1970-01-01T00:00:00Z.
    #[inline]
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the instant `seconds` seconds after 1970-01-01T00:00:00Z, as the
    /// claims of tokens count.
    #[inline]
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    #[inline]
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the whole seconds since 1970-01-01T00:00:00Z, rounded down, as the
    /// claims of tokens count.
    #[inline]
    #[must_use]
    pub const fn as_seconds(self) -> u64 {
        self.0 / 1_000
    }

    /// Returns the instant as a [`SystemTime`]. Instants after the year 9999
    /// become the last millisecond of that year.
    #[must_use]
    pub fn to_system_time(self) -> SystemTime {
        const YEAR_9999_END: u64 = 253_402_300_799_999;
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.0.min(YEAR_9999_END))
    }
}

impl From<SystemTime> for Timestamp {
    /// Converts an instant. Instants before 1970 become
    /// [`MIN`](Timestamp::MIN).
    fn from(time: SystemTime) -> Self {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self(as_millis(since))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    #[inline]
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(as_millis(rhs)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    #[inline]
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(as_millis(rhs)))
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    #[inline]
    fn sub(self, rhs: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(rhs.0))
    }
}

impl fmt::Display for Timestamp {
    /// Writes RFC 3339 in UTC with milliseconds: `2026-11-23T18:00:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(self.to_system_time()).fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Returns the whole milliseconds of a duration, at most [`u64::MAX`].
#[inline]
#[must_use]
pub fn as_millis(duration: Duration) -> u64 {
    // In 64 bits: `Duration::as_millis` counts in 128.
    let seconds = duration.as_secs().saturating_mul(1_000);
    seconds.saturating_add(u64::from(duration.subsec_millis()))
}

/// Returns a duration of `n` seconds.
#[must_use]
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Returns a duration of `n` minutes. Saturates at `u64::MAX` seconds.
#[must_use]
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(60))
}

/// Returns a duration of `n` hours. Saturates at `u64::MAX` seconds.
#[must_use]
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(3_600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n13_difference_is_never_negative() {
        let early = Timestamp::from_millis(5);
        let late = Timestamp::from_millis(9);
        assert_eq!(early - late, Duration::ZERO);
        assert_eq!(late - early, Duration::from_millis(4));
    }

    #[test]
    fn n12_arithmetic_saturates_at_both_ends() {
        assert_eq!(Timestamp::MAX + hours(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(3) - hours(1), Timestamp::MIN);
    }

    #[test]
    fn prints_rfc_3339_up_to_the_extremes() {
        assert_eq!(Timestamp::MIN.to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            Timestamp::from_millis(1_795_456_800_123).to_string(),
            "2026-11-23T18:00:00.123Z"
        );
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    }
}
