//! Faulty look-ups and lists.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dwell_core::store::{Loaded, Lookup, StoreFuture};
use dwell_core::{SessionKey, SessionRecord, SubjectId, Timestamp, minutes};

use crate::assert_found;
use crate::create::cut_key;
use crate::plain::Row;
use crate::planted::{Fault, Planted, ready};

pub(crate) fn now(store: &Planted) -> StoreFuture<'_, Timestamp> {
    let now = store.plain.now();
    match store.fault {
        Fault::ClockRunsUnasked => {
            let ticks = store.ticks.fetch_add(1, Ordering::SeqCst);
            ready(now + Duration::from_millis(ticks))
        }
        Fault::LocalOnlyInName => StoreFuture::boxed(async move { Ok(now) }),
        Fault::NowIsTheNodes => ready(now + minutes(10)),
        _ => ready(now),
    }
}

pub(crate) fn load(store: &Planted, key: SessionKey) -> Loaded {
    let mut loaded = store.plain.load(cut_key(store, key));
    let ran_out = match &loaded.state {
        Lookup::Found(record) => record.facts.has_run_out(loaded.now),
        _ => false,
    };
    match store.fault {
        Fault::LookUpIsActivity => {
            if let Some(row) = store.plain.rows().get_mut(&key) {
                row.record.facts.last_active_at = loaded.now;
            }
        }
        Fault::RunOutIsMissing if ran_out => loaded.state = Lookup::Missing,
        _ => {}
    }
    loaded
}

pub(crate) fn list(store: &Planted, subject: &SubjectId) -> Vec<SessionRecord> {
    if store.is_indexed() {
        let index = store.index.lock().unwrap();
        let keys = index.get(subject).cloned().unwrap_or_default();
        let rows = store.plain.rows();
        let found = keys.iter().filter_map(|key| rows.get(key));
        return found.map(|row| row.record.clone()).collect();
    }
    let same = |row: &&Row| {
        let (name, wanted) = (row.record.subject.as_str(), subject.as_str());
        match store.fault {
            Fault::ListLeaks => true,
            Fault::SubjectsAreCut => name
                .as_bytes()
                .iter()
                .take(255)
                .eq(wanted.as_bytes().iter().take(255)),
            Fault::SubjectsAreTrimmed => name.trim_end() == wanted.trim_end(),
            Fault::SubjectsFoldCase => name.to_lowercase() == wanted.to_lowercase(),
            _ => name == wanted,
        }
    };
    let rows = store.plain.rows();
    let own = rows.values().filter(same);
    own.filter(|row| row.grave.is_none() || store.has(Fault::ListKeepsTheEnded))
        .map(|row| match store.fault {
            Fault::ListShowsTheFirstState => row.first.clone(),
            _ => row.record.clone(),
        })
        .collect()
}

pub(crate) fn debug(store: &Planted, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let rows = store.plain.rows();
    let mut list = f.debug_list();
    match store.fault {
        Fault::DebugShowsChecks => {
            let checks = rows
                .values()
                .map(|row| row.record.credential.check.to_bits());
            list.entries(checks).finish()
        }
        Fault::DebugShowsKeys => {
            let keys = rows.keys().map(|key| u128::from_be_bytes(*key.as_bytes()));
            list.entries(keys.map(|key| format!("{key:032X}"))).finish()
        }
        _ => list.finish_non_exhaustive(),
    }
}

crate::teeth! {
    clock_that_runs_unasked_is_found: ClockRunsUnasked {
        clock::store_clock_moves_only_when_moved, "stands still";
    }
    debug_showing_verifier_hashes_is_found: DebugShowsChecks {
        records::l09_debug_shows_no_secret, "`Debug` shows";
    }
    debug_showing_keys_is_found: DebugShowsKeys {
        records::l09_debug_shows_no_secret, "`Debug` shows";
    }
    list_with_ended_sessions_is_found: ListKeepsTheEnded {
        subjects::ended_sessions_leave_list, "leaves the list";
    }
    list_leaking_other_subjects_is_found: ListLeaks {
        adopted::n98_other_subject_under_one_id_is_other_session, "all of a subject";
        subjects::subject_finds_only_its_sessions, "finds all of its sessions";
    }
    stale_list_is_found: ListShowsTheFirstState {
        subjects::list_shows_current_state, "what a look-up shows";
    }
    falsely_local_store_is_found: LocalOnlyInName {
        keeping::local_store_answers_at_once, "has its answer at once: now";
    }
    lookup_counting_as_activity_is_found: LookUpIsActivity {
        adopted::n100_refreshed_proof_starts_nothing_afresh, "changes nothing";
        keeping::lookup_changes_nothing, "so does a list";
    }
    answers_by_another_clock_are_found: NowIsTheNodes {
        clock::l11_every_answer_carries_store_time, "one clock";
    }
    session_vanishing_at_deadline_is_found: RunOutIsMissing {
        keeping::expired_session_stays_until_ended, "has not ended";
    }
    truncated_subject_is_found: SubjectsAreCut {
        subjects::very_long_subject_is_kept_whole, "every byte of";
    }
    trimmed_subject_is_found: SubjectsAreTrimmed {
        subjects::subjects_are_compared_byte_by_byte, "is a separate subject";
    }
    case_folded_subject_is_found: SubjectsFoldCase {
        subjects::subjects_are_compared_byte_by_byte, "is a separate subject";
    }
}
