//! The store in Postgres, shared by many nodes.
//!
//! | file | contents |
//! |---|---|
//! | `builder` | the builder |
//! | `schema` | the tables, and their versions |
//! | `sql` | all statements |
//! | `store` | the store, and what all operations share |
//! | `load`, `lookups` | look-ups, which share statements |
//! | `change` | touches, updates and ends |
//! | `create` | logins, and the limit on a subject's sessions |
//! | `reap` | reaping |
//! | `watch` | changes made by other nodes |
//! | `within` | a transaction that may be dropped |

mod builder;
mod change;
mod create;
mod load;
mod lookups;
mod reap;
mod schema;
mod sql;
mod store;
mod watch;
mod within;

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Quota, Reaped, SessionStore, StoreError, StoreFuture,
    TOMBSTONES_PER_SUBJECT, TouchOutcome, Update, Updated, Watched,
};
use dwell_core::{EndReason, EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};

pub use self::builder::PostgresStoreBuilder;
pub use self::store::PostgresStore;
use self::store::read;
use crate::error::store_error;
use crate::stored::Content;

impl PostgresStore {
    async fn list_now(&self, subject: SubjectId) -> Result<Vec<SessionRecord>, StoreError> {
        let query = sqlx::query(self.0.sql.list.text()).bind(subject.as_str());
        let rows = query.fetch_all(&self.0.pool).await.map_err(store_error)?;
        let live = |row| match read(row, 0).readable()? {
            Content::Live(record) => Some(record),
            Content::Ended(_) => None,
        };
        Ok(rows.iter().filter_map(live).collect())
    }

    async fn acknowledge_now(&self, keys: Vec<SessionKey>) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        let query = sqlx::query(self.0.sql.acknowledge.text()).bind(&keys);
        query.execute(&self.0.pool).await.map_err(store_error)?;
        let query = sqlx::query(self.0.sql.forget_surplus.text())
            .bind(keys)
            .bind(i64::try_from(TOMBSTONES_PER_SUBJECT).unwrap_or(i64::MAX));
        let done = query.execute(&self.0.pool).await;
        done.map(drop).map_err(store_error)
    }
}

impl SessionStore for PostgresStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        StoreFuture::boxed(self.clock_now())
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
        StoreFuture::boxed(self.create_now(record, quota, due_policy))
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::boxed(async move { Ok(self.touch_now(key, touch).await?.0) })
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        StoreFuture::boxed(self.update_now(key, version, update))
    }

    fn count_failure(&self, key: SessionKey) -> StoreFuture<'_, Option<u8>> {
        StoreFuture::boxed(self.count_failure_now(key))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::boxed(self.end_now(key, end))
    }

    fn end_many(
        &self,
        keys: Vec<SessionKey>,
        reason: EndReason,
    ) -> StoreFuture<'_, Vec<EndedSession>> {
        StoreFuture::boxed(async move {
            let mut connection = self.0.pool.acquire().await.map_err(store_error)?;
            self.end_together(&mut connection, keys, reason).await
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
        StoreFuture::boxed(self.reap_now(due_policy, batch))
    }

    fn tombstone_lifetime(&self) -> std::time::Duration {
        self.0.tombstones
    }

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self)
    }

    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        StoreFuture::boxed(self.acknowledge_now(keys))
    }
}
