//! Look-ups, alone or together. Each statement uses a lane.

use std::collections::HashMap;
use std::time::Duration;

use dwell_core::store::{Loaded, StoreError};
use dwell_core::{SessionKey, Timestamp};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::lookups::{Turn, Waiting};
use super::store::{PostgresStore, loaded, missing, timestamp};
use crate::error::store_error;

/// How long a look-up waits for a lane before it runs without one: long enough
/// for a busy server, and short enough for its request.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a shared statement may take before its lane is freed. Its callers
/// have timed out long before.
const HUNG: Duration = Duration::from_secs(10);

/// A lane in use. When dropped, it runs the look-ups that wait.
struct Lane(PostgresStore);

impl Drop for Lane {
    fn drop(&mut self) {
        let batch = self.0.0.lookups.next();
        if batch.is_empty() {
            return;
        }
        let lane = Self(self.0.clone());
        // Without a runtime the waiting look-ups get no answer, and run alone.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(HUNG, lane.0.answer(batch)).await;
            });
        }
    }
}

impl PostgresStore {
    pub(super) async fn load_now(&self, key: SessionKey) -> Result<Loaded, StoreError> {
        match self.0.lookups.enter(key) {
            Turn::Own => {
                let _lane = Lane(self.clone());
                self.load_alone(key).await
            }
            Turn::Shared(answer) => match timeout(PATIENCE, answer).await {
                Ok(Ok(found)) => found,
                Ok(Err(_)) | Err(_) => self.load_alone(key).await,
            },
        }
    }

    async fn load_alone(&self, key: SessionKey) -> Result<Loaded, StoreError> {
        let query = sqlx::query(self.0.sql.load.text());
        let query = query.bind(self.test_time()).bind(&key.as_bytes()[..]);
        let row = query.fetch_optional(&self.0.pool).await;
        match row.map_err(store_error)? {
            Some(row) => loaded(&row, 1),
            None => Ok(missing(self.clock_now().await?)),
        }
    }

    /// Answers the waiting look-ups by one statement. If it fails, they get no
    /// answer and run alone: a broken connection need not fail all of them.
    async fn answer(&self, batch: Vec<Waiting>) {
        let Ok(found) = self.load_together(&batch).await else {
            return;
        };
        for Waiting { key, answer } in batch {
            // The caller may have dropped its future.
            let _ = answer.send(found.of(key));
        }
    }

    async fn load_together(&self, batch: &[Waiting]) -> Result<Together, StoreError> {
        let keys: Vec<&[u8]> = batch.iter().map(|one| &one.key.as_bytes()[..]).collect();
        let query = sqlx::query(self.0.sql.load_together.text());
        let query = query.bind(self.test_time()).bind(keys);
        let rows = query.fetch_all(&self.0.pool).await.map_err(store_error)?;
        let found = rows.iter().map(|row| Ok((key_of(row)?, loaded(row, 1))));
        Ok(Together {
            found: found.collect::<Result<_, StoreError>>()?,
            now: match rows.first() {
                Some(row) => timestamp(row.try_get(0).map_err(store_error)?),
                None => self.clock_now().await?,
            },
        })
    }
}

/// The result of a shared statement.
struct Together {
    found: HashMap<SessionKey, Result<Loaded, StoreError>>,
    now: Timestamp,
}

impl Together {
    fn of(&self, key: SessionKey) -> Result<Loaded, StoreError> {
        let found = self.found.get(&key).cloned();
        found.unwrap_or_else(|| Ok(missing(self.now)))
    }
}

fn key_of(row: &PgRow) -> Result<SessionKey, StoreError> {
    let key: [u8; 16] = row.try_get(1).map_err(store_error)?;
    Ok(SessionKey::from_bytes(key))
}
