//! Faulty ends: reported twice, not at all, or wrongly.

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

pub(crate) fn end_many(
    store: &Planted,
    mut keys: Vec<SessionKey>,
    reason: EndReason,
) -> StoreFuture<'_, Vec<EndedSession>> {
    if store.has(Fault::EndOfManyForgetsOne) {
        keys.sort_unstable();
        keys.pop();
    }
    StoreFuture::boxed(async move {
        let mut ended = Vec::new();
        for key in keys {
            ended.extend(end(store, key, reason.into()).await?);
        }
        Ok(ended)
    })
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
        (Fault::EndOfTheLockedIsUnreported, None) if facts.locked_at.is_some() => return None,
        (Fault::EndOfTheExpiredIsUnreported, None) if facts.has_run_out(now) => return None,
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

/// A record of a session that never existed.
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
        subject: "mallory".into(),
        facts: engine::opening_facts(&policies, PolicyId::DEFAULT, network, now),
        credential: Credential::new(VerifierHash::from_bits(1)),
        open: OpenPart::new(),
    }
}

crate::teeth! {
    end_without_its_reason_is_found: EndForgetsTheReason {
        adopted::n101_ended_session_is_not_adopted_again, "another reason";
        adopted::n103_session_ended_before_adoption_is_not_adopted, "another reason";
        end::end_returns_session_and_leaves_tombstone, "with the reason";
    }
    end_ignoring_successor_is_found: EndIgnoresASuccessor {
        end::second_end_can_only_add_a_successor, "records the successor";
    }
    end_in_two_steps_is_found: EndInTwoSteps {
        together::dropped_end_is_whole_or_absent, "is in no list any more";
    }
    non_atomic_end_is_found: EndIsNotAtomic {
        end::l12_concurrent_ends_of_many_report_each_once, "each session is ended once";
        end::l12_one_of_many_concurrent_ends_wins, "one of all callers";
    }
    end_of_many_forgetting_one_is_found: EndOfManyForgetsOne {
        end::l19_many_sessions_end_in_one_call, "are ended, each once";
    }
    tombstone_of_unknown_session_is_found: EndOfAnUnknownLeavesATombstone {
        end::successor_of_unknown_session_creates_nothing, "gets no tombstone";
        keeping::n50_unknown_key_finds_and_creates_nothing, "creates nothing";
    }
    unreported_end_of_locked_session_is_found: EndOfTheLockedIsUnreported {
        locking::locked_session_can_be_ended, "can be ended";
    }
    unreported_end_of_expired_session_is_found: EndOfTheExpiredIsUnreported {
        end::l12_expired_session_is_ended_once, "a session that ran out can be ended";
        keeping::expired_session_stays_until_ended, "its end is reported";
    }
    overwritten_reason_is_found: EndOverwritesTheReason {
        end::second_end_returns_none_and_changes_nothing, "keeps its reason";
        end::second_end_can_only_add_a_successor, "and nothing else";
    }
    end_reported_twice_is_found: EndReportsTwice {
        end::second_end_returns_none_and_changes_nothing, "is not ended again";
        end::l12_one_of_many_concurrent_ends_wins, "one of all callers";
        end::l12_expired_session_is_ended_once, "is ended once";
        end::second_end_can_only_add_a_successor, "is no second end";
        reapers::n20_requests_and_reapers_report_each_end_once, "report each end once";
    }
    end_clearing_successor_is_found: EndTakesASuccessorBack {
        end::second_end_can_only_add_a_successor, "reverts that";
    }
}
