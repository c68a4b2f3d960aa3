//! The store in memory: narrow writes, one winner, nothing left behind.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod changes;
mod ends;
mod foreign;
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
