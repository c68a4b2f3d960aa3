//! The store in memory: changes, ends, reaping, subjects and adopted sessions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test panics")]

mod adopted;
mod changes;
mod ends;
mod reaping;
mod subjects;

use dwell_core::store::{SessionStore, TouchOutcome};
use dwell_core::{EndReason, SessionRecord};

use dwell_test_support::{World, now, touch as touch_at};

pub(crate) fn touch(world: &World, record: &SessionRecord) -> TouchOutcome {
    let at = dwell_core::Clock::now(&world.clock);
    now(world.memory.touch(record.key, touch_at(record, at))).unwrap()
}

pub(crate) fn end(world: &World, record: &SessionRecord, reason: EndReason) -> bool {
    now(world.manager.end_session(record.key, reason)).unwrap()
}
