//! What the server's clock says, without asking it each time.
//!
//! Every script tells its server's time, and a pass of the reaper calls one in
//! each partition. For a few seconds after that the time is known here: what
//! it was, and what has passed since the script was sent. So a look-up is a
//! plain `GET`, which costs the server a fraction of a script.
//!
//! Only time that passes is read from this node's clock, and only a little, so
//! that one that is minutes off changes nothing (law L11), and one that is set
//! forward, or stood still with the machine, is noticed: then the server is
//! asked. What is known here is never earlier than the truth, and later by no
//! more than a round trip.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dwell_core::{Clock, Timestamp};

use crate::layout::PARTITIONS;

/// For how long it is known what a server's clock says.
pub(crate) const KNOWN: Duration = Duration::from_secs(3);

/// For how long a look-up relies on it: so that it is still known when the
/// answer comes.
pub(crate) const RELIABLE: Duration = Duration::from_secs(2);

/// After a round trip that took longer too little is known.
const QUICK: Duration = Duration::from_millis(20);

/// What servers' clocks say, by partition: each may be on another server.
pub(crate) struct Known(Vec<Sample>);

#[derive(Default)]
struct Sample {
    /// By how much the server's clock was ahead of this node's when it was
    /// asked, in milliseconds modulo 2^64.
    ahead: AtomicU64,
    /// When that was by this node's clock; 0 while nothing is known.
    sent: AtomicU64,
}

impl Known {
    pub(crate) fn new() -> Self {
        let sample = |_| Sample::default();
        Self((0..PARTITIONS).map(sample).collect())
    }

    /// A server told its time in answer to what was sent then.
    pub(crate) fn learn(
        &self,
        partition: u8,
        told: Timestamp,
        sent: Timestamp,
        received: Timestamp,
    ) {
        if received - sent > QUICK {
            return;
        }
        let sample = &self.0[usize::from(partition)];
        let ahead = told.as_millis().wrapping_sub(sent.as_millis());
        sample.ahead.store(ahead, Ordering::Release);
        sample.sent.store(sent.as_millis(), Ordering::Release);
    }

    /// What the server's clock says, if it was asked no longer ago than this, by
    /// this node's clock.
    pub(crate) fn now(&self, partition: u8, clock: &dyn Clock, ago: Duration) -> Option<Timestamp> {
        let sample = &self.0[usize::from(partition)];
        // Whichever sample each of the two is of, both say what is right.
        let sent = sample.sent.load(Ordering::Acquire);
        let ahead = sample.ahead.load(Ordering::Acquire);
        let now = clock.now();
        let known = sent != 0 && now - Timestamp::from_millis(sent) <= ago;
        known.then(|| Timestamp::from_millis(now.as_millis().wrapping_add(ahead)))
    }
}

#[cfg(test)]
mod tests {
    use dwell_core::{ManualClock, minutes, seconds};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A clock, and what was learned of a server by it.
    fn learned(told: Timestamp, took: Duration) -> (ManualClock, Known) {
        let (clock, known) = (ManualClock::new(), Known::new());
        let sent = clock.now();
        clock.advance(took);
        known.learn(7, told, sent, clock.now());
        (clock, known)
    }

    #[test]
    fn l11_a_servers_time_is_known_however_far_it_is_from_this_nodes() {
        let here = ManualClock::new().now();
        for told in [here + minutes(10), here - minutes(10)] {
            let (clock, known) = learned(told, MS * 5);
            assert_eq!(known.now(7, &clock, KNOWN), Some(told + MS * 5));
            clock.advance(seconds(2));
            assert_eq!(
                known.now(7, &clock, KNOWN),
                Some(told + MS * 5 + seconds(2))
            );
            assert_eq!(known.now(8, &clock, KNOWN), None, "of its partition alone");
        }
    }

    #[test]
    fn l11_what_is_known_grows_old_and_a_clock_that_jumps_makes_it_so() {
        let (clock, known) = learned(Timestamp::from_millis(1_000), MS);
        clock.advance(KNOWN - MS);
        assert!(known.now(7, &clock, KNOWN).is_some());
        clock.advance(MS);
        assert_eq!(known.now(7, &clock, KNOWN), None, "too old");
        let (clock, known) = learned(Timestamp::from_millis(1_000), MS);
        clock.advance(minutes(10));
        assert_eq!(
            known.now(7, &clock, KNOWN),
            None,
            "set forward, or suspended"
        );
    }

    #[test]
    fn a_slow_answer_teaches_nothing() {
        let (clock, known) = learned(Timestamp::from_millis(1_000), QUICK + MS);
        assert_eq!(known.now(7, &clock, KNOWN), None);
    }
}
