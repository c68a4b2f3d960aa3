//! In which second a session is looked at.
//!
//! Seconds that are far away share buckets of sixteen, looked at when the first
//! of the seconds comes. Most sessions have been touched by then and move to
//! another bucket, so there are few buckets, and full ones. What is still due
//! within those seconds gets a bucket for its own second.

use dwell_core::Timestamp;

/// How many seconds share a bucket, if they are further away than that.
const WIDTH: u64 = 16;

/// Returns the bucket for something that is due at this instant: the second in
/// which it is first looked at, never in the past and never a second late.
pub(crate) fn second_to_look(due: Timestamp, now: Timestamp) -> u64 {
    // Rounded up: a second that has begun is too early.
    let due = due.as_millis().div_ceil(1_000);
    let now = now.as_millis() / 1_000;
    let due = due.max(now).min(LAST);
    if due - now > WIDTH {
        due - due % WIDTH
    } else {
        due
    }
}

/// The last second that is scheduled. Lua counts exactly up to here, and it is
/// 35,000 years away.
const LAST: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn second(due: u64, now: u64) -> u64 {
        let at = Timestamp::from_millis;
        second_to_look(at(due), at(now))
    }

    #[test]
    fn near_deadline_has_its_own_second() {
        assert_eq!(second(5_000, 0), 5);
        assert_eq!(second(5_001, 0), 6);
        assert_eq!(second(4_999, 4_998), 5);
    }

    #[test]
    fn far_deadlines_share_an_early_second() {
        assert_eq!(second(1_000_000, 0), 992);
        assert_eq!(second(1_007_999, 0), 1_008);
        assert_eq!(second(17_000, 0), 16);
    }

    #[test]
    fn past_deadline_is_looked_at_now() {
        assert_eq!(second(0, 9_500), 9);
        assert_eq!(second(u64::MAX, 0), LAST);
    }
}
