//! Bounded waiting, by real time.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::{Error, Result};

/// How long a server may take to get into the state that is waited for.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// How long until the state is looked at again.
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

/// Waits until the process of this descriptor has ended; `false` when it goes on for longer.
pub(crate) fn ends_within(process: impl AsFd, time: Duration) -> bool {
    let mut waited = [PollFd::new(&process, PollFlags::IN)];
    poll_for(&mut waited, time)
}

/// Looks again and again, until there is something or the bound has passed.
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

/// Does blocking work beside the runtime, whose clock stands still for so long if it is paused.
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
