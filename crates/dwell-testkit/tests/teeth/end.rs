//! Ends that are told of too often, not at all, or wrongly.

use dwell_core::store::{End, StoreFuture};
use dwell_core::{
    Credential, EndReason, EndedSession, OpenPart, PolicyId, PolicySet, SessionKey, SessionRecord,
    Timeouts, VerifierHash, engine, hours, minutes,
};

use crate::assert_found;
use crate::plain::{Grave, Row};
use crate::planted::{Fault, Planted, ready};

pub(crate) fn end(
    store: &Planted,
    key: SessionKey,
    end: End,
) -> StoreFuture<'_, Option<EndedSession>> {
    match store.fault {
        Fault::EndIsNotAtomic => StoreFuture::boxed(async move {
            let now = store.plain.now();
            let Some(mut row) = store.plain.rows().get(&key).cloned() else {
                return Ok(None);
            };
            let ended = row.end(end, now);
            store.dawdle().await;
            store.plain.rows().insert(key, row);
            Ok(ended)
        }),
        _ if store.is_indexed() => StoreFuture::boxed(async move {
            let ended = store.plain.end(key, end);
            if store.has(Fault::EndInTwoSteps) {
                store.dawdle().await;
            }
            for keys in store.index.lock().unwrap().values_mut() {
                keys.retain(|kept| *kept != key || ended.is_none());
            }
            Ok(ended)
        }),
        _ => ready(at_once(store, key, end)),
    }
}

fn at_once(store: &Planted, key: SessionKey, mut end: End) -> Option<EndedSession> {
    let now = store.plain.now();
    let mut rows = store.plain.rows();
    let Some(row) = rows.get_mut(&key) else {
        if store.has(Fault::EndOfAnUnknownLeavesATombstone) {
            let row = Row::new(blank(store, key));
            rows.entry(key).or_insert(row).end(end, now);
        }
        return None;
    };
    let facts = row.record.facts;
    match (store.fault, row.grave) {
        (Fault::EndForgetsTheReason, None) => end.reason = EndReason::Revoked,
        (Fault::EndOfTheLockedIsNobodys, None) if facts.locked_at.is_some() => return None,
        (Fault::EndOfWhatRanOutIsNobodys, None) if facts.has_run_out(now) => return None,
        (Fault::EndIgnoresASuccessor, Some(_)) => end.replaced = false,
        (Fault::EndOverwritesTheReason, Some(grave)) => {
            row.grave = Some(Grave {
                reason: end.reason,
                ..grave
            });
        }
        (Fault::EndReportsTwice, Some(_)) => return row.tombstone(),
        (Fault::EndTakesASuccessorBack, Some(grave)) => {
            row.grave = Some(Grave {
                replaced: end.replaced,
                ..grave
            });
        }
        (Fault::SuccessorProlongs, Some(grave)) if end.replaced => {
            row.grave = Some(Grave { at: now, ..grave });
        }
        _ => {}
    }
    row.end(end, now)
}

/// A record of a session that never was.
fn blank(store: &Planted, key: SessionKey) -> SessionRecord {
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })
    .unwrap();
    let network = policies.find_network(None);
    let now = store.plain.now();
    SessionRecord {
        key,
        subject: "nobody".into(),
        facts: engine::opening_facts(&policies, PolicyId::DEFAULT, network, now),
        credential: Credential::new(VerifierHash::from_bits(1)),
        open: OpenPart::new(),
    }
}

crate::teeth! {
    an_end_that_forgets_its_reason_is_found: EndForgetsTheReason {
        end::an_end_gives_the_session_back_and_leaves_its_tombstone, "with the reason";
    }
    an_end_that_ignores_a_successor_is_found: EndIgnoresASuccessor {
        end::a_tombstone_learns_of_a_successor_and_of_nothing_else, "learns of the successor";
    }
    an_end_in_two_steps_is_found: EndInTwoSteps {
        together::an_end_that_is_dropped_half_way_is_whole_or_not_there, "has it no more";
    }
    an_end_that_is_not_atomic_is_found: EndIsNotAtomic {
        end::l12_of_many_ends_at_once_one_wins, "one of all callers";
    }
    the_end_of_an_unknown_session_that_leaves_a_tombstone_is_found: EndOfAnUnknownLeavesATombstone {
        end::a_successor_of_an_unknown_session_creates_nothing, "gets no tombstone";
        keeping::n50_an_unknown_key_finds_nothing_and_creates_nothing, "creates nothing";
    }
    the_end_of_a_locked_session_that_nobody_is_told_of_is_found: EndOfTheLockedIsNobodys {
        locking::a_locked_session_can_be_ended, "can be ended";
    }
    the_end_of_what_ran_out_that_nobody_is_told_of_is_found: EndOfWhatRanOutIsNobodys {
        end::l12_a_session_that_ran_out_is_still_ended_once, "has an end to be told of";
        keeping::a_session_past_its_deadlines_is_there_until_it_is_ended, "its end is reported";
    }
    an_end_that_overwrites_the_reason_is_found: EndOverwritesTheReason {
        end::the_end_of_an_ended_session_is_nobodys_and_changes_nothing, "keeps its reason";
        end::a_tombstone_learns_of_a_successor_and_of_nothing_else, "of nothing else";
    }
    an_end_that_is_told_of_twice_is_found: EndReportsTwice {
        end::the_end_of_an_ended_session_is_nobodys_and_changes_nothing, "is not ended again";
        end::l12_of_many_ends_at_once_one_wins, "one of all callers";
        end::l12_a_session_that_ran_out_is_still_ended_once, "is ended once";
        end::a_tombstone_learns_of_a_successor_and_of_nothing_else, "is no second end";
        reapers::n20_requests_and_reapers_at_once_report_each_end_once, "report each end once";
    }
    an_end_that_takes_a_successor_back_is_found: EndTakesASuccessorBack {
        end::a_tombstone_learns_of_a_successor_and_of_nothing_else, "takes that back";
    }
}
