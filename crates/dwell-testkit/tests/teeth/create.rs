//! Faulty creations and limits.

use dwell_core::store::{Created, DuePolicy, Quota, StoreError, StoreFuture};
use dwell_core::{
    EndReason, OnLimit, OpenPart, SessionKey, SessionLimit, SessionRecord, SubjectId, Timestamp,
    Verdict, VerifierHash,
};

use crate::assert_found;
use crate::plain::Row;
use crate::planted::{Fault, Planted, ready};

pub(crate) fn create(
    store: &Planted,
    mut record: SessionRecord,
    quota: Option<Quota>,
    due_policy: DuePolicy,
) -> StoreFuture<'_, Created> {
    spoil(store, &mut record);
    match store.fault {
        Fault::CreateChecksBeforehand => StoreFuture::boxed(async move {
            if store.plain.rows().contains_key(&record.key) {
                return Ok(Created::Exists);
            }
            store.dawdle().await;
            store.plain.rows().insert(record.key, Row::new(record));
            Ok(Created::Created { ended: Vec::new() })
        }),
        Fault::LimitIsNotAtomic => StoreFuture::boxed(async move {
            let max = quota.map_or(usize::MAX, |quota| quota.limit.max as usize);
            if store.plain.list(&record.subject).len() < max {
                store.dawdle().await;
                return Ok(at_once(store, record, None, &due_policy));
            }
            Ok(at_once(store, record, quota, &due_policy))
        }),
        _ if store.is_indexed() => StoreFuture::boxed(indexed(store, record)),
        _ => ready(at_once(store, record, quota, &due_policy)),
    }
}

async fn indexed(store: &Planted, record: SessionRecord) -> Result<Created, StoreError> {
    let (key, subject) = (record.key, record.subject.clone());
    let keys = |subject: &SubjectId| {
        let index = store.index.lock().unwrap();
        index.get(subject).cloned().unwrap_or_default()
    };
    let before = keys(&subject);
    if !store.plain.create(record) {
        return Ok(Created::Exists);
    }
    if !store.has(Fault::EndInTwoSteps) {
        store.dawdle().await;
    }
    let atomic = !store.has(Fault::IndexIsNotAtomic);
    let mut all = if atomic { keys(&subject) } else { before };
    all.push(key);
    store.index.lock().unwrap().insert(subject, all);
    Ok(Created::Created { ended: Vec::new() })
}

/// Counts and adds under one lock.
fn at_once(
    store: &Planted,
    record: SessionRecord,
    mut quota: Option<Quota>,
    due_policy: &DuePolicy,
) -> Created {
    let own = store.plain.list(&record.subject).len();
    match store.fault {
        Fault::CreateOverwrites => {
            store.plain.rows().remove(&record.key);
        }
        Fault::LimitIsIgnored => quota = None,
        Fault::LimitWithoutALimit => {
            let limit = SessionLimit {
                max: 10,
                on_limit: OnLimit::EndOldest,
            };
            quota = quota.or(Some(limit.into()));
        }
        Fault::LimitMakesRoomForNothing
            if quota.is_some_and(|quota| own >= quota.limit.max as usize) =>
        {
            end_first(store, &record.subject);
        }
        _ => {}
    }
    let (now, subject) = (store.plain.now(), record.subject.clone());
    let counts = |row: &Row| {
        let verdict = due_policy.verdict(&row.record.facts, now);
        let ran_out = matches!(verdict, Verdict::Ended(_));
        let of_subject = row.record.subject == subject;
        match store.fault {
            Fault::LimitCountsEverybody => row.grave.is_none() && !ran_out,
            Fault::LimitCountsTombstones => of_subject,
            Fault::LimitCountsTheExpired => row.is_of(&subject),
            Fault::LimitForgetsTheLocked => {
                row.is_of(&subject) && !ran_out && row.record.facts.locked_at.is_none()
            }
            _ => row.is_of(&subject) && !ran_out,
        }
    };
    let mut rows = store.plain.rows();
    if rows.contains_key(&record.key) {
        return Created::Exists;
    }
    let mut ended = Vec::new();
    if let Some(Quota { limit, replaces }) = quota {
        let replaces = replaces.filter(|_| !store.has(Fault::LimitCountsTheReplaced));
        let stays = |row: &&mut Row| Some(row.record.key) != replaces;
        let rows = rows.values_mut().filter(stays);
        let mut live: Vec<_> = rows.filter(|row| counts(row)).collect();
        if live.len() >= limit.max as usize {
            if limit.on_limit == OnLimit::RefuseNew {
                return Created::LimitReached;
            }
            live.sort_by_key(|row| row.record.facts.last_active_at);
            if store.has(Fault::LimitEndsTheLatest) {
                live.reverse();
            }
            let all = live.len() + 1 - limit.max as usize;
            let leave = if store.has(Fault::LimitEndsOne) {
                1
            } else {
                all
            };
            let leave = live.iter_mut().take(leave);
            ended.extend(leave.filter_map(|row| row.end(EndReason::Superseded.into(), now)));
        }
    }
    rows.insert(record.key, Row::new(record));
    if store.has(Fault::LimitTellsNoEnd) {
        ended.clear();
    }
    Created::Created { ended }
}

fn end_first(store: &Planted, subject: &SubjectId) {
    let now = store.plain.now();
    let mut rows = store.plain.rows();
    if let Some(row) = rows.values_mut().find(|row| row.is_of(subject)) {
        row.end(EndReason::Superseded.into(), now);
    }
}

/// The key that the store uses.
pub(crate) fn cut_key(store: &Planted, key: SessionKey) -> SessionKey {
    let mut bytes = *key.as_bytes();
    if store.has(Fault::KeysAreCut) {
        bytes[8..].fill(0);
    }
    SessionKey::from_bytes(bytes)
}

/// Changes the record that is to be kept.
fn spoil(store: &Planted, record: &mut SessionRecord) {
    let facts = &mut record.facts;
    match store.fault {
        Fault::ChecksAreHalved => {
            let bits = record.credential.check.to_bits() & u128::from(u64::MAX);
            record.credential.check = VerifierHash::from_bits(bits);
        }
        Fault::CreateStampsAnew => facts.created_at = store.plain.now(),
        Fault::CreateInventsAnAuthentication if !facts.is_authentication_known() => {
            facts.authenticated_at = store.plain.now();
        }
        Fault::InstantsWrap => {
            let wrap = |at: Timestamp| match i64::try_from(at.as_millis()) {
                Ok(_) => at,
                Err(_) => Timestamp::MIN,
            };
            facts.idle_deadline = wrap(facts.idle_deadline);
            facts.absolute_deadline = wrap(facts.absolute_deadline);
        }
        Fault::KeysAreCut => record.key = cut_key(store, record.key),
        Fault::LocksAreNotKept => facts.locked_at = None,
        Fault::PausesWrap => {
            let wrapped = facts.longest_pause.as_millis() & u128::from(u32::MAX);
            facts.longest_pause = std::time::Duration::from_millis(wrapped.try_into().unwrap());
        }
        Fault::OpenPartsEndAtZeros => {
            let mut bytes = record.open.as_bytes();
            while let [kept @ .., 0] = bytes {
                bytes = kept;
            }
            record.open = OpenPart::from_bytes(bytes).unwrap_or_default();
        }
        Fault::SubjectsEndAtZero => {
            let name = record.subject.as_str().split('\0').next();
            record.subject = name.unwrap_or_default().into();
        }
        _ => {}
    }
}

crate::teeth! {
    halved_verifier_hashes_are_found: ChecksAreHalved {
        records::verifier_hashes_keep_all_bits, "a check comes back";
    }
    check_before_creation_is_found: CreateChecksBeforehand {
        keeping::one_of_concurrent_creations_under_one_key_wins, "one of the creations";
    }
    creation_in_two_steps_is_found: CreateInTwoSteps {
        together::dropped_creation_is_whole_or_absent, "in its subject's list";
    }
    overwriting_creation_is_found: CreateOverwrites {
        keeping::key_in_use_stays_with_its_session, "a key in use is refused";
        keeping::l04_key_of_ended_session_is_not_reused, "the key of a tombstone is refused";
        limit::key_in_use_ends_no_session, "the key is in use";
        tombstones::l13_tombstone_is_kept_for_its_lifetime, "keeps its key";
    }
    invented_authentication_is_found: CreateInventsAnAuthentication {
        adopted::n102_unstated_authentication_time_stays_unstated, "is absent";
    }
    creation_with_new_stamps_is_found: CreateStampsAnew {
        keeping::new_session_is_found_as_created, "found as it was created";
    }
    non_atomic_index_is_found: IndexIsNotAtomic {
        together::concurrent_logins_and_ends_keep_list_correct, "sessions that began";
    }
    wrapping_instants_are_found: InstantsWrap {
        records::extreme_values_round_trip, "an extreme value comes back";
        records::infinite_deadline_never_passes, "has not passed";
    }
    truncated_keys_are_found: KeysAreCut {
        keeping::sessions_under_similar_keys_do_not_mix, "a new session is kept";
    }
    limit_over_all_subjects_is_found: LimitCountsEverybody {
        limit::sessions_of_other_subjects_do_not_count, "count is its own";
    }
    limit_counting_tombstones_is_found: LimitCountsTombstones {
        limit::ended_sessions_do_not_count, "an ended session does not count";
    }
    limit_counting_replaced_session_is_found: LimitCountsTheReplaced {
        limit::replaced_session_does_not_count, "does not count";
    }
    limit_counting_expired_sessions_is_found: LimitCountsTheExpired {
        limit::expired_sessions_do_not_count, "ran out do not count";
    }
    limit_ending_only_one_session_is_found: LimitEndsOne {
        limit::lowered_limit_ends_all_surplus_sessions, "all sessions beyond";
    }
    limit_ending_latest_session_is_found: LimitEndsTheLatest {
        limit::least_recently_active_session_makes_room, "whose last activity";
    }
    limit_skipping_locked_sessions_is_found: LimitForgetsTheLocked {
        locking::locked_session_counts_towards_limit, "a locked session counts";
    }
    ignored_limit_is_found: LimitIsIgnored {
        adopted::n103_adopted_sessions_count_towards_limit, "is not adopted again";
        limit::login_beyond_limit_is_refused_and_changes_nothing, "one more is refused";
        limit::racing_logins_never_exceed_limit, "as many logins are kept";
    }
    non_atomic_limit_is_found: LimitIsNotAtomic {
        limit::racing_logins_never_exceed_limit, "as many logins are kept";
        limit::racing_logins_end_one_session_each, "every login beyond";
    }
    limit_making_room_for_nothing_is_found: LimitMakesRoomForNothing {
        limit::key_in_use_ends_no_session, "ends no session";
        together::dropped_login_ends_no_session_for_nothing,
            "the new session is the only one";
    }
    limit_hiding_ends_is_found: LimitTellsNoEnd {
        limit::least_recently_active_session_makes_room, "its end is returned";
    }
    limit_that_was_not_set_is_found: LimitWithoutALimit {
        limit::without_limit_every_login_is_kept, "ends no other";
    }
    lost_locks_are_found: LocksAreNotKept {
        records::every_field_round_trips, "every field comes back";
    }
    wrapping_pauses_are_found: PausesWrap {
        records::pause_of_years_outlasts_any_idle_timeout, "not before";
    }
    open_parts_cut_at_zeros_are_found: OpenPartsEndAtZeros {
        open_part::every_open_part_round_trips, "an open part comes back";
    }
    subject_cut_at_zero_is_found: SubjectsEndAtZero {
        subjects::subject_with_zero_byte_is_kept_or_refused, "a kept session is whole";
    }
}
