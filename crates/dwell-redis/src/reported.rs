//! Ends that were reported: their tombstones get a lifetime, they leave their
//! subjects' lists, and a subject's oldest tombstones go.
//!
//! Each step is one call for every partition or subject it concerns. If a node
//! crashes between two steps, some entries of lists and some tombstones stay
//! until their keys expire.

use std::collections::HashMap;

use dwell_core::store::{StoreError, TOMBSTONES_PER_SUBJECT};
use dwell_core::{SessionKey, SubjectId, as_millis};
use futures_util::future::try_join_all;

use crate::inner::Inner;
use crate::layout::partition_of;
use crate::reply::read;
use crate::script::{self, Call, Source};

/// When a session ended, in milliseconds; empty for one whose tombstone must be
/// kept.
type EndedAt = Vec<u8>;

impl Inner {
    /// Notes that the ends of these sessions were reported.
    pub(crate) async fn acknowledge(&self, keys: Vec<SessionKey>) -> Result<(), StoreError> {
        let calls = by_partition(keys)
            .into_iter()
            .map(|(number, keys)| self.acknowledge_in_one(number, keys));
        let mut subjects: HashMap<SubjectId, Vec<(SessionKey, EndedAt)>> = HashMap::new();
        for (subject, key, ended_at) in try_join_all(calls).await?.into_iter().flatten() {
            subjects.entry(subject).or_default().push((key, ended_at));
        }
        let calls = subjects
            .into_iter()
            .map(|(subject, ended)| self.unlist(subject, ended));
        let surplus = try_join_all(calls).await?.into_iter().flatten();
        let calls = by_partition(surplus)
            .into_iter()
            .map(|(number, keys)| self.forget_in_one(number, keys));
        try_join_all(calls).await.map(drop)
    }

    async fn acknowledge_in_one(
        &self,
        number: u8,
        keys: Vec<SessionKey>,
    ) -> Result<Vec<(SubjectId, SessionKey, EndedAt)>, StoreError> {
        let mut call = self.call_in(number, &script::ACKNOWLEDGE, &keys);
        call = call.arg(self.clock_argument());
        for key in &keys {
            call = call.arg(key.as_bytes());
        }
        let ended: Vec<Option<(Vec<u8>, EndedAt)>> = read(self.link.call(call).await?)?;
        let named = |(ended, key): (Option<(Vec<u8>, EndedAt)>, _)| {
            let (subject, ended_at) = ended?;
            let subject = String::from_utf8(subject).ok()?;
            Some((SubjectId::from(subject), key, ended_at))
        };
        Ok(ended.into_iter().zip(keys).filter_map(named).collect())
    }

    /// Removes sessions that have ended from their subject's list. Returns which
    /// of the subject's tombstones must go.
    async fn unlist(
        &self,
        subject: SubjectId,
        ended: Vec<(SessionKey, EndedAt)>,
    ) -> Result<Vec<SessionKey>, StoreError> {
        let keys = self.layout().subject(&subject);
        let mut call = script::UNLIST
            .call()
            .key(keys.sessions)
            .key(keys.tombstones)
            .number(as_millis(self.settings.tombstones))
            .arg(TOMBSTONES_PER_SUBJECT.to_string());
        for (key, ended_at) in ended {
            call = call.arg(key.as_bytes()).arg(ended_at);
        }
        let surplus: Vec<Vec<u8>> = read(self.link.call(call).await?)?;
        let keys = surplus.into_iter().filter_map(|id| id.try_into().ok());
        Ok(keys.map(SessionKey::from_bytes).collect())
    }

    async fn forget_in_one(&self, number: u8, keys: Vec<SessionKey>) -> Result<(), StoreError> {
        let mut call = self.call_in(number, &script::FORGET, &keys);
        for key in &keys {
            call = call.arg(key.as_bytes());
        }
        self.link.call(call).await.map(drop)
    }

    /// Begins a call for sessions of one partition, and for its ends to report.
    fn call_in(&self, number: u8, script: &'static Source, keys: &[SessionKey]) -> Call {
        let partition = self.layout().partition(number);
        let call = script.call().key(partition.unreported());
        keys.iter()
            .fold(call, |call, key| call.key(partition.session(*key)))
    }
}

fn by_partition(keys: impl IntoIterator<Item = SessionKey>) -> HashMap<u8, Vec<SessionKey>> {
    let mut partitions: HashMap<_, Vec<_>> = HashMap::new();
    for key in keys {
        partitions.entry(partition_of(key)).or_default().push(key);
    }
    partitions
}
