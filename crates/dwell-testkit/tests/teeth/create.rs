//! Creations that keep something else, and limits that count wrongly.

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
    judge: DuePolicy,
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
                return Ok(at_once(store, record, None, &judge));
            }
            Ok(at_once(store, record, quota, &judge))
        }),
        _ if store.is_indexed() => StoreFuture::boxed(indexed(store, record)),
        _ => ready(at_once(store, record, quota, &judge)),
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

/// Counts and keeps under one lock.
fn at_once(
    store: &Planted,
    record: SessionRecord,
    mut quota: Option<Quota>,
    judge: &DuePolicy,
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
        let verdict = judge.verdict(&row.record.facts, now);
        let ran_out = matches!(verdict, Verdict::Ended(_));
        let of_subject = row.record.subject == subject;
        match store.fault {
            Fault::LimitCountsEverybody => row.grave.is_none() && !ran_out,
            Fault::LimitCountsTombstones => of_subject,
            Fault::LimitCountsWhatRanOut => row.is_of(&subject),
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

/// The key under which the store looks.
pub(crate) fn cut_key(store: &Planted, key: SessionKey) -> SessionKey {
    let mut bytes = *key.as_bytes();
    if store.has(Fault::KeysAreCut) {
        bytes[8..].fill(0);
    }
    SessionKey::from_bytes(bytes)
}

/// Keeps something else than what is given.
fn spoil(store: &Planted, record: &mut SessionRecord) {
    let facts = &mut record.facts;
    match store.fault {
        Fault::ChecksAreHalved => {
            let bits = record.credential.check.to_bits() & u128::from(u64::MAX);
            record.credential.check = VerifierHash::from_bits(bits);
        }
        Fault::CreateStampsAnew => facts.created_at = store.plain.now(),
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
    checks_of_half_their_bits_are_found: ChecksAreHalved {
        records::checks_keep_all_their_bits, "a check comes back";
    }
    a_creation_that_checks_beforehand_is_found: CreateChecksBeforehand {
        keeping::of_creations_at_once_under_one_key_one_is_kept, "one of the creations";
    }
    a_creation_in_two_steps_is_found: CreateInTwoSteps {
        together::a_creation_that_is_dropped_half_way_is_whole_or_not_there, "knows of it";
    }
    a_creation_that_overwrites_is_found: CreateOverwrites {
        keeping::a_key_in_use_stays_with_its_session, "a key in use is refused";
        keeping::l04_the_key_of_an_ended_session_stays_dead, "the key of a tombstone is refused";
        limit::a_key_in_use_makes_nobody_leave, "the key is in use";
        tombstones::l13_a_tombstone_stays_for_its_lifetime_and_then_goes, "keeps its key";
    }
    a_creation_that_stamps_anew_is_found: CreateStampsAnew {
        keeping::a_new_session_is_found_as_it_was_created, "found as it was created";
    }
    an_index_that_is_not_atomic_is_found: IndexIsNotAtomic {
        together::logins_and_ends_at_once_leave_the_list_right, "those that began";
    }
    instants_that_wrap_are_found: InstantsWrap {
        records::extreme_values_come_back, "an extreme value comes back";
        records::a_deadline_that_never_comes_does_not_come, "has not passed";
    }
    keys_that_are_cut_are_found: KeysAreCut {
        keeping::sessions_under_similar_keys_do_not_mix, "a new session is kept";
    }
    a_limit_that_counts_everybody_is_found: LimitCountsEverybody {
        limit::other_subjects_sessions_do_not_count, "count is its own";
    }
    a_limit_that_counts_tombstones_is_found: LimitCountsTombstones {
        limit::sessions_that_have_ended_do_not_count, "leaves its place";
    }
    a_limit_that_counts_the_replaced_is_found: LimitCountsTheReplaced {
        limit::the_session_that_is_replaced_does_not_count, "does not count";
    }
    a_limit_that_counts_what_ran_out_is_found: LimitCountsWhatRanOut {
        limit::sessions_that_ran_out_do_not_count, "ran out do not count";
    }
    a_limit_that_ends_one_however_many_exceed_it_is_found: LimitEndsOne {
        limit::a_lowered_limit_makes_all_that_exceed_it_leave, "all that exceed";
    }
    a_limit_that_ends_the_latest_is_found: LimitEndsTheLatest {
        limit::the_session_active_longest_ago_makes_room_and_is_told, "whose last activity";
    }
    a_limit_that_forgets_the_locked_is_found: LimitForgetsTheLocked {
        locking::a_locked_session_counts_towards_the_limit, "a locked session counts";
    }
    a_limit_that_is_ignored_is_found: LimitIsIgnored {
        limit::a_login_beyond_the_limit_is_refused_and_changes_nothing, "one more is refused";
        limit::racing_logins_never_exceed_the_limit, "as many logins are kept";
    }
    a_limit_that_is_not_atomic_is_found: LimitIsNotAtomic {
        limit::racing_logins_never_exceed_the_limit, "as many logins are kept";
        limit::racing_logins_end_one_session_each_and_never_exceed_the_limit, "every login beyond";
    }
    a_limit_that_makes_room_for_nothing_is_found: LimitMakesRoomForNothing {
        limit::a_key_in_use_makes_nobody_leave, "nobody leaves";
        together::a_login_that_is_dropped_half_way_makes_nobody_leave_for_nothing,
            "the new session is the one";
    }
    a_limit_that_tells_no_end_is_found: LimitTellsNoEnd {
        limit::the_session_active_longest_ago_makes_room_and_is_told, "the login is told";
    }
    a_limit_that_nobody_set_is_found: LimitWithoutALimit {
        limit::without_a_limit_nobody_is_refused_and_nobody_leaves, "nobody leaves";
    }
    locks_that_are_not_kept_are_found: LocksAreNotKept {
        records::every_field_comes_back, "every field comes back";
    }
    pauses_that_wrap_are_found: PausesWrap {
        records::a_pause_of_years_stays_longer_than_any_idle_timeout, "not before";
    }
    open_parts_that_end_at_zeros_are_found: OpenPartsEndAtZeros {
        open_part::every_open_part_comes_back, "an open part comes back";
    }
    a_subject_that_ends_at_a_zero_is_found: SubjectsEndAtZero {
        subjects::a_subject_with_a_zero_byte_is_kept_whole_or_refused, "what is kept is whole";
    }
}
