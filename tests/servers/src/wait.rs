//! Bounded waiting, in real time.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::{Error, Result};

/// How long a server may take to reach an expected state.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// How long until the state is checked again.
pub(crate) const STEP: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
}

#[allow(
    clippy::disallowed_methods,
    reason = "bounds the wait for a real process; no session depends on it"
)]
impl Deadline {
    pub(crate) fn after(bound: Duration) -> Self {
        Self {
            at: Instant::now() + bound,
        }
    }

    pub(crate) fn is_over(self) -> bool {
        Instant::now() >= self.at
    }
}

/// Waits until the process of this descriptor has ended. Returns `false` if it
/// still runs after `time`.
pub(crate) fn ends_within(process: impl AsFd, time: Duration) -> bool {
    let mut waited = [PollFd::new(&process, PollFlags::IN)];
    poll_for(&mut waited, time)
}

/// Calls `look` until it returns something or the bound has passed.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Deadline::after(BOUND);
    loop {
        let seen = look();
        if seen.is_some() || deadline.is_over() {
            return seen;
        }
        pause(STEP);
    }
}

pub(crate) fn pause(time: Duration) {
    poll_for(&mut [], time);
}

fn poll_for(waited: &mut [PollFd<'_>], time: Duration) -> bool {
    let time = Timespec::try_from(time).ok();
    poll(waited, time.as_ref()).is_ok_and(|ready| ready > 0)
}

/// Runs blocking work outside the runtime. A paused clock stands still
/// meanwhile.
pub(crate) async fn blocking<T, W>(work: W) -> Result<T>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::io("waiting on a blocking thread")(error.into())),
    }
}
