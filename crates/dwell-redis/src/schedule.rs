//! In which second a session is looked at.
//!
//! Seconds that are far away are taken together by sixteen, and looked at when
//! the first of them comes: most sessions have been touched by then and go on
//! to another bucket, so that few buckets are kept, and full ones. What is
//! still due within them gets a second of its own.

use dwell_core::Timestamp;

/// How many seconds are one bucket, as long as they are further away than
/// that.
const WIDTH: u64 = 16;

/// The bucket for something that is due at this instant: the second in which
/// it is first looked at, never in the past and never late by a second.
pub(crate) fn second_to_look(due: Timestamp, now: Timestamp) -> u64 {
    // The second that has begun is over for what has to wait.
    let due = due.as_millis().div_ceil(1_000);
    let now = now.as_millis() / 1_000;
    let due = due.max(now).min(LAST);
    if due - now > WIDTH {
        due - due % WIDTH
    } else {
        due
    }
}

/// Lua counts exactly up to here, and no clock goes on for so long.
const LAST: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn second(due: u64, now: u64) -> u64 {
        let at = Timestamp::from_millis;
        second_to_look(at(due), at(now))
    }

    #[test]
    fn what_is_near_is_looked_at_in_its_own_second_and_never_before() {
        assert_eq!(second(5_000, 0), 5);
        assert_eq!(second(5_001, 0), 6);
        assert_eq!(second(4_999, 4_998), 5);
    }

    #[test]
    fn what_is_far_is_looked_at_early_with_others() {
        assert_eq!(second(1_000_000, 0), 992);
        assert_eq!(second(1_007_999, 0), 1_008);
        assert_eq!(second(17_000, 0), 16);
    }

    #[test]
    fn what_is_over_is_looked_at_at_once() {
        assert_eq!(second(0, 9_500), 9);
        assert_eq!(second(u64::MAX, 0), LAST);
    }
}
