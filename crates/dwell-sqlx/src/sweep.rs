//! Looks at all sessions once after the policies have changed.

use std::sync::{Mutex, PoisonError};

use dwell_core::store::DuePolicy;

/// How far a store has come with looking at every session by the policies in
/// force. A stricter policy may make sessions due earlier than their rows say,
/// and a node that has just started does not know by which policies the rows
/// were written.
#[derive(Debug, Default)]
pub(crate) struct Sweep(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The generation of policies by which all rows have been looked at; 0 at
    /// the start.
    done: u64,
    /// The generation of policies by which rows are being looked at, and the
    /// last key that was.
    under_way: Option<(u64, Vec<u8>)>,
}

impl Sweep {
    /// Returns the key after which to continue; `None` if all rows have been
    /// looked at.
    pub(crate) fn next(&self, due_policy: &DuePolicy) -> Option<Vec<u8>> {
        self.with(|state| match &state.under_way {
            _ if state.done == due_policy.generation() => None,
            Some((by, after)) if *by == due_policy.generation() => Some(after.clone()),
            _ => Some(Vec::new()),
        })
    }

    /// Notes that all rows up to this key have been looked at; without a key,
    /// all rows.
    pub(crate) fn advance(&self, due_policy: &DuePolicy, up_to: Option<Vec<u8>>) {
        self.with(|state| match up_to {
            Some(after) => state.under_way = Some((due_policy.generation(), after)),
            None => {
                state.under_way = None;
                state.done = due_policy.generation();
            }
        });
    }

    /// Whether a new session can be scheduled by its deadlines alone: no sweep
    /// for other policies is running or due.
    pub(crate) fn agrees(&self, due_policy: &DuePolicy) -> bool {
        self.with(|state| {
            let current = state.done == 0 || state.done == due_policy.generation();
            current && state.under_way.is_none()
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
