//! The store in SQLite, for one node that must survive a restart.
//!
//! Readers see the last committed state, and wait for no one. Writers take
//! turns: each transaction reads the row, lets the pure functions of the core
//! change it, and writes it back.
//!
//! | file | contents |
//! |---|---|
//! | `builder` | the builder |
//! | `schema` | the tables, and their versions |
//! | `store` | the store, and what all operations share |
//! | `change` | touches, updates and ends |
//! | `create` | logins, and the limit on a subject's sessions |
//! | `reap` | reaping |
//! | `row` | reading and writing a row |
//! | `watch` | changes, for caches and open connections |

mod builder;
mod change;
mod create;
mod reap;
mod row;
mod schema;
mod store;
mod watch;

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Quota, Reaped, SessionStore, StoreError, StoreFuture,
    TouchOutcome, Update, Updated, Watched,
};
use dwell_core::{EndReason, EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};

pub use self::builder::{Durability, SqliteStoreBuilder};
pub use self::store::SqliteStore;
use self::store::lookup;
use crate::error::store_error;
use crate::stored::{Content, Row};

impl SqliteStore {
    async fn load_now(&self, key: SessionKey) -> Result<Loaded, StoreError> {
        let mut connection = self.0.readers.acquire().await.map_err(store_error)?;
        let row = row::find(&mut connection, &key)
            .await
            .map_err(store_error)?;
        lookup(row, self.now_by_clock())
    }

    async fn list_now(&self, subject: SubjectId) -> Result<Vec<SessionRecord>, StoreError> {
        let mut connection = self.0.readers.acquire().await.map_err(store_error)?;
        let rows = row::of_subject(&mut connection, &subject).await;
        let live = |row: Row| match row.readable()? {
            Content::Live(record) => Some(record),
            Content::Ended(_) => None,
        };
        Ok(rows
            .map_err(store_error)?
            .into_iter()
            .filter_map(live)
            .collect())
    }

    async fn acknowledge_now(&self, keys: Vec<SessionKey>) -> Result<(), sqlx::Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut change = self.change(&self.0.writer).await?;
        for key in &keys {
            row::acknowledge(&mut change.within, key).await?;
        }
        for key in &keys {
            row::forget_surplus(&mut change.within, key).await?;
        }
        change.commit().await
    }
}

impl SessionStore for SqliteStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        StoreFuture::ready(Ok(self.now_by_clock()))
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        StoreFuture::boxed(self.load_now(key))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        due_policy: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        StoreFuture::boxed(async move {
            let created = self.create_now(&record, quota, &due_policy).await;
            if let Ok(Created::Created { ended }) = &created {
                self.tell(ended.iter().map(|ended| ended.record.key));
            }
            created.map_err(store_error)
        })
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::boxed(async move { Ok(self.touch_now(key, touch).await?.0) })
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        StoreFuture::boxed(async move {
            let _changing = self.changing(key);
            self.update_now(key, version, update).await
        })
    }

    fn count_failure(&self, key: SessionKey) -> StoreFuture<'_, Option<u8>> {
        StoreFuture::boxed(self.count_failure_now(key))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::boxed(async move {
            let _changing = self.changing(key);
            self.end_now(key, end).await
        })
    }

    fn end_many(
        &self,
        keys: Vec<SessionKey>,
        reason: EndReason,
    ) -> StoreFuture<'_, Vec<EndedSession>> {
        StoreFuture::boxed(async move {
            let changing = keys.iter().map(|key| self.changing(*key));
            let _changing: Vec<_> = changing.collect();
            self.end_many_now(&keys, reason).await
        })
    }

    fn touch_and_load(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
        StoreFuture::boxed(self.touch_now(key, touch))
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        StoreFuture::boxed(self.list_now(subject))
    }

    fn reap(&self, due_policy: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        StoreFuture::boxed(async move {
            let reaped = self.reap_now(&due_policy, batch.max(1)).await;
            if let Ok(reaped) = &reaped {
                self.tell(reaped.ended.iter().map(|ended| ended.record.key));
                self.tell(reaped.locked.iter().map(|record| record.key));
            }
            reaped.map_err(store_error)
        })
    }

    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        StoreFuture::boxed(async move { self.acknowledge_now(keys).await.map_err(store_error) })
    }

    fn tombstone_lifetime(&self) -> std::time::Duration {
        self.0.tombstones
    }

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self)
    }
}
