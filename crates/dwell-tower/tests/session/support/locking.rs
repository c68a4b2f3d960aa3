//! A world in which an idle timeout locks.

use dwell_core::{OnIdle, Policy, PolicySet, hours, minutes};

use super::World;

impl World {
    /// Sessions are locked after 15 minutes and end after 8 hours.
    pub(crate) fn locking() -> Self {
        let default = Policy::named("default")
            .idle(minutes(15))
            .absolute(hours(8));
        let locking = default.on_idle(OnIdle::Lock);
        Self::with(PolicySet::builder(locking).build().unwrap())
    }
}
