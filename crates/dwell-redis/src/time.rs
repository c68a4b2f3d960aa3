//! The server's time, without asking for it each time.
//!
//! Every script returns its server's time, and a pass of the reaper calls one
//! in each partition. For a few seconds after that the time is known on this
//! node: the server's time then, plus what has passed since the script was
//! sent. So a look-up is a plain `GET`, which costs the server less than a
//! script.
//!
//! Only differences between readings of this node's clock are used, over a few
//! seconds. So a clock that is minutes off changes nothing (law L11). A clock
//! that was set forward, or stood still with the machine, is noticed, and the
//! server is asked. The known time may be later than the server's by a round
//! trip, and differ by a tick of the kernel: close to a deadline the server is
//! asked as well.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dwell_core::{Clock, Timestamp};

use crate::layout::PARTITIONS;

/// How long the server's time counts as known.
pub(crate) const KNOWN: Duration = Duration::from_secs(3);

/// How old the known time may be when a look-up begins: it must still be known
/// when the answer comes.
pub(crate) const RELIABLE: Duration = Duration::from_secs(2);

/// The longest round trip whose time is exact enough.
const QUICK: Duration = Duration::from_millis(20);

/// How far the known time may be from the server's: [`QUICK`], and a tick of the
/// kernel.
pub(crate) const INEXACT: Duration = Duration::from_millis(30);

/// The known time by partition, since each partition may be on another server.
pub(crate) struct Known(Vec<Sample>);

#[derive(Default)]
struct Sample {
    /// How far the server's clock was ahead of this node's, in milliseconds
    /// modulo 2^64.
    ahead: AtomicU64,
    /// When the server was asked, by this node's clock; 0 while nothing is
    /// known.
    sent: AtomicU64,
}

impl Known {
    pub(crate) fn new() -> Self {
        let sample = |_| Sample::default();
        Self((0..PARTITIONS).map(sample).collect())
    }

    /// Learns a server's time from its answer to a script that was sent at
    /// `sent`.
    pub(crate) fn learn(
        &self,
        partition: u8,
        server_time: Timestamp,
        sent: Timestamp,
        received: Timestamp,
    ) {
        if received - sent > QUICK {
            return;
        }
        let sample = &self.0[usize::from(partition)];
        let ahead = server_time.as_millis().wrapping_sub(sent.as_millis());
        sample.ahead.store(ahead, Ordering::Release);
        sample.sent.store(sent.as_millis(), Ordering::Release);
    }

    /// Returns the server's time, if the server was asked at most `ago` before
    /// now.
    pub(crate) fn now(&self, partition: u8, clock: &dyn Clock, ago: Duration) -> Option<Timestamp> {
        let sample = &self.0[usize::from(partition)];
        // The two may belong to different samples; either pair gives a right
        // time.
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

    /// A clock, and what was learned of a server's time with it.
    fn learned(server_time: Timestamp, took: Duration) -> (ManualClock, Known) {
        let (clock, known) = (ManualClock::new(), Known::new());
        let sent = clock.now();
        clock.advance(took);
        known.learn(7, server_time, sent, clock.now());
        (clock, known)
    }

    #[test]
    fn l11_server_time_is_known_however_wrong_node_clock_is() {
        let here = ManualClock::new().now();
        for server_time in [here + minutes(10), here - minutes(10)] {
            let (clock, known) = learned(server_time, MS * 5);
            assert_eq!(known.now(7, &clock, KNOWN), Some(server_time + MS * 5));
            clock.advance(seconds(2));
            assert_eq!(
                known.now(7, &clock, KNOWN),
                Some(server_time + MS * 5 + seconds(2))
            );
            assert_eq!(known.now(8, &clock, KNOWN), None, "of its partition alone");
        }
    }

    #[test]
    fn l11_known_time_expires_with_age_and_clock_jump() {
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
    fn slow_answer_teaches_no_time() {
        let (clock, known) = learned(Timestamp::from_millis(1_000), QUICK + MS);
        assert_eq!(known.now(7, &clock, KNOWN), None);
    }
}
