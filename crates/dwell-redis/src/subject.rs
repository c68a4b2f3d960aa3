//! A subject's list of sessions.
//!
//! The list is in another slot than the sessions, so it may name sessions that
//! are gone. It never lacks one that exists: a session is listed before it is
//! created, and leaves the list after it has ended.

use dwell_core::store::StoreError;
use dwell_core::{EndReason, EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::inner::Inner;
use crate::reply::{instant, read, stored_or_skipped};
use crate::script;
use crate::value::Stored;

/// Calls for one list that run at the same time.
const AT_ONCE: usize = 64;
/// Bytes of an entry: a session's key, and when it was added.
const ENTRY: usize = 22;

/// An entry of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: SessionKey,
    /// When the entry was added, by the clock of the list's server.
    pub(crate) at: Timestamp,
}

/// The list as Redis keeps it.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) now: Timestamp,
    pub(crate) raw: Vec<u8>,
}

/// Reads the entries of a list.
pub(crate) fn entries(raw: &[u8]) -> Vec<Entry> {
    raw.chunks_exact(ENTRY).filter_map(Entry::read).collect()
}

impl Entry {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (key, at) = bytes.split_first_chunk::<16>()?;
        let [a, b, c, d, e, f] = *at.first_chunk()?;
        Some(Self {
            key: SessionKey::from_bytes(*key),
            at: instant(u64::from_be_bytes([0, 0, a, b, c, d, e, f])),
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.key.as_bytes());
        out.extend_from_slice(&self.at.as_millis().to_be_bytes()[2..]);
    }
}

impl Inner {
    pub(crate) async fn subject(&self, subject: &SubjectId) -> Result<List, StoreError> {
        let call = script::LOAD.call();
        let call = call
            .key(self.layout().subject(subject).sessions)
            .arg(self.clock_argument());
        let (now, raw): (u64, Option<Vec<u8>>) = read(self.link.call(call).await?)?;
        Ok(List {
            now: instant(now),
            raw: raw.unwrap_or_default(),
        })
    }

    /// Reads the sessions with these keys, in their order. One that can't be
    /// read counts as missing.
    pub(crate) async fn find_all(
        &self,
        keys: Vec<SessionKey>,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        let find = async |key| {
            let (_, value) = self.find(key).await?;
            Ok(stored_or_skipped(key, value.as_deref()))
        };
        let found = stream::iter(keys).map(find).buffered(AT_ONCE);
        found.try_collect().await
    }

    pub(crate) async fn list(&self, subject: SubjectId) -> Result<Vec<SessionRecord>, StoreError> {
        let mut keys = entries(&self.subject(&subject).await?.raw);
        keys.sort_unstable_by_key(|entry| entry.key);
        keys.dedup_by_key(|entry| entry.key);
        let keys = keys.iter().map(|entry| entry.key).collect();
        let found = self.find_all(keys).await?;
        let live = found.into_iter().filter_map(|stored| {
            let stored = stored?;
            let own = stored.ending.is_none() && stored.record.subject == subject;
            own.then_some(stored.record)
        });
        Ok(live.collect())
    }

    /// Ends these sessions, many at the same time.
    pub(crate) async fn end_many(
        &self,
        keys: Vec<SessionKey>,
        reason: EndReason,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let end = async |key| self.end(key, reason.into()).await;
        let ended = stream::iter(keys).map(end).buffer_unordered(AT_ONCE);
        let ended: Vec<_> = ended.try_collect().await?;
        Ok(ended.into_iter().flatten().collect())
    }
}
