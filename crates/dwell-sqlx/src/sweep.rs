//! Going through all sessions when other policies judge.

use std::sync::{Mutex, PoisonError};

use dwell_core::store::DuePolicy;

/// How far a store has come with looking at every session by the policies in
/// force. A stricter policy may have made them due earlier than their rows
/// say, and a node that has just started does not know by which policies the
/// rows were written.
#[derive(Debug, Default)]
pub(crate) struct Sweep(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The policies by which all rows have been looked at; zero before the
    /// first time.
    done: u64,
    /// The policies by which rows are being looked at, and the key to go on
    /// after.
    under_way: Option<(u64, Vec<u8>)>,
}

impl Sweep {
    /// The key after which to go on, where there is something left to do.
    pub(crate) fn next(&self, judge: &DuePolicy) -> Option<Vec<u8>> {
        self.with(|state| match &state.under_way {
            _ if state.done == judge.generation() => None,
            Some((by, after)) if *by == judge.generation() => Some(after.clone()),
            _ => Some(Vec::new()),
        })
    }

    /// All rows up to this key have been looked at; without one, all rows.
    pub(crate) fn advance(&self, judge: &DuePolicy, up_to: Option<Vec<u8>>) {
        self.with(|state| match up_to {
            Some(after) => state.under_way = Some((judge.generation(), after)),
            None => {
                state.under_way = None;
                state.done = judge.generation();
            }
        });
    }

    /// Whether a session that starts by the judgement of `judge` is in time
    /// with its deadlines alone, because the rows are not being gone through
    /// for other policies.
    pub(crate) fn agrees(&self, judge: &DuePolicy) -> bool {
        self.with(|state| {
            let current = state.done == 0 || state.done == judge.generation();
            current && state.under_way.is_none()
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
