//! Touches, updates and ends.

use dwell_core::engine::Touch;
use dwell_core::store::{End, Loaded, Lookup, StoreError, TouchOutcome, Update, Updated};
use dwell_core::{EndReason, EndedSession, SessionKey, Timestamp};
use sqlx::sqlite::SqliteConnection;

use super::row;
use super::store::{SqliteStore, lookup};
use crate::error::store_error;
use crate::judged::{forget_at, tombstone};

impl SqliteStore {
    pub(super) async fn touch_now(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> Result<(TouchOutcome, Loaded), StoreError> {
        let change = self.change(&self.0.touch_writer).await;
        let mut change = change.map_err(store_error)?;
        let found = row::find(&mut change.within, &key).await;
        let mut loaded = lookup(found.map_err(store_error)?, self.now_by_clock())?;
        let Lookup::Found(record) = &mut loaded.state else {
            return Ok((TouchOutcome::Gone, loaded));
        };
        let touched = record.facts.touch(touch, loaded.now);
        if touched == TouchOutcome::Recorded {
            let written = row::write_activity(&mut change.within, record).await;
            written.map_err(store_error)?;
            change.commit().await.map_err(store_error)?;
        }
        Ok((touched, loaded))
    }

    pub(super) async fn update_now(
        &self,
        key: SessionKey,
        version: u32,
        update: Update,
    ) -> Result<Updated, StoreError> {
        let change = self.change(&self.0.writer).await;
        let mut change = change.map_err(store_error)?;
        let found = row::find(&mut change.within, &key).await;
        let loaded = lookup(found.map_err(store_error)?, self.now_by_clock())?;
        let Lookup::Found(mut record) = loaded.state else {
            return Ok(Updated::Gone);
        };
        if record.facts.version != version {
            return Ok(Updated::Conflict);
        }
        if !record.update(&update, loaded.now) {
            return Ok(Updated::Gone);
        }
        let provider = record.facts.provider_deadline.unwrap_or(Timestamp::MAX);
        let due = record.facts.idle_deadline.min(provider);
        let written = row::write_update(&mut change.within, &record, due).await;
        written.map_err(store_error)?;
        change.commit().await.map_err(store_error)?;
        Ok(Updated::Applied(record))
    }

    pub(super) async fn count_failure_now(
        &self,
        key: SessionKey,
    ) -> Result<Option<u8>, StoreError> {
        let change = self.change(&self.0.writer).await;
        let mut change = change.map_err(store_error)?;
        let found = row::find(&mut change.within, &key).await;
        let mut loaded = lookup(found.map_err(store_error)?, self.now_by_clock())?;
        let Lookup::Found(record) = &mut loaded.state else {
            return Ok(None);
        };
        let counted = record.facts.count_failure(loaded.now);
        if let Some(failures) = counted {
            let written = row::write_failures(&mut change.within, &key, failures).await;
            written.map_err(store_error)?;
            change.commit().await.map_err(store_error)?;
        }
        Ok(counted)
    }

    pub(super) async fn end_now(
        &self,
        key: SessionKey,
        end: End,
    ) -> Result<Option<EndedSession>, StoreError> {
        let change = self.change(&self.0.writer).await;
        let mut change = change.map_err(store_error)?;
        let ended = self.end_within(&mut change.within, key, end).await?;
        change.commit().await.map_err(store_error)?;
        Ok(ended)
    }

    /// Ends these sessions in one transaction.
    pub(super) async fn end_many_now(
        &self,
        keys: &[SessionKey],
        reason: EndReason,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let change = self.change(&self.0.writer).await;
        let mut change = change.map_err(store_error)?;
        let mut ended = Vec::new();
        for key in keys {
            let one = self.end_within(&mut change.within, *key, reason.into());
            ended.extend(one.await?);
        }
        change.commit().await.map_err(store_error)?;
        Ok(ended)
    }

    async fn end_within(
        &self,
        within: &mut SqliteConnection,
        key: SessionKey,
        end: End,
    ) -> Result<Option<EndedSession>, StoreError> {
        let found = row::find(within, &key).await;
        let loaded = lookup(found.map_err(store_error)?, self.now_by_clock())?;
        match loaded.state {
            Lookup::Found(record) => {
                let forget = forget_at(&record, loaded.now, self.0.tombstones);
                let ended = tombstone(record, end, loaded.now);
                let written = row::write_end(within, &ended, forget).await;
                written.map_err(store_error)?;
                Ok(Some(ended))
            }
            Lookup::Ended(ended) if end.replaced && !ended.replaced => {
                let marked = row::mark_replaced(within, &key).await;
                marked.map_err(store_error)?;
                Ok(None)
            }
            Lookup::Ended(_) | Lookup::Missing => Ok(None),
        }
    }
}
