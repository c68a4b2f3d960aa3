//! Operations on one session.

use dwell_core::engine::Touch;
use dwell_core::store::{End, Loaded, Lookup, StoreError, TouchOutcome, Update, Updated};
use dwell_core::{EndedSession, SessionKey, Timestamp, as_millis};

use crate::inner::Inner;
use crate::layout::partition_of;
use crate::reply::{instant, read, stored};
use crate::script;
use crate::value::{self, CHANGING, Stored, clamped};

/// How often an update retries when touches come in between.
const TRIES: usize = 100;

impl Inner {
    pub(crate) async fn load(&self, key: SessionKey) -> Result<Loaded, StoreError> {
        let (now, value) = self.find(key).await?;
        loaded(key, now, value.as_deref())
    }

    pub(crate) async fn touch(
        &self,
        key: SessionKey,
        touch: Touch,
        load: bool,
    ) -> Result<(TouchOutcome, Timestamp, Option<Vec<u8>>), StoreError> {
        let call = self
            .about(&script::TOUCH, key)
            .arg(self.clock_argument())
            .number(clamped(touch.at))
            .number(clamped(touch.idle_deadline))
            .arg(touch.network.to_bits().to_be_bytes())
            .arg(if load { "load" } else { "" })
            .arg(if touch.retried { "1" } else { "" });
        let sent = self.sent();
        let (now, outcome, value): (u64, u8, Option<Vec<u8>>) = read(self.link.call(call).await?)?;
        self.learn(partition_of(key), sent, instant(now));
        let touched = match outcome {
            0 => TouchOutcome::Gone,
            1 => TouchOutcome::Older,
            _ => TouchOutcome::Recorded,
        };
        Ok((touched, instant(now), value))
    }

    pub(crate) async fn update(
        &self,
        key: SessionKey,
        version: u32,
        update: Update,
    ) -> Result<Updated, StoreError> {
        let (mut now, mut value) = self.find(key).await?;
        for _ in 0..TRIES {
            let Some(old) = value else {
                return Ok(Updated::Gone);
            };
            let Some(Stored {
                mut record,
                ending: None,
            }) = stored(key, Some(&old))?
            else {
                return Ok(Updated::Gone);
            };
            if record.facts.version != version {
                return Ok(Updated::Conflict);
            }
            let closes_at = record.facts.closes_at(&update);
            if !record.update(&update, now) {
                return Ok(Updated::Gone);
            }
            let call = self
                .about(&script::SWAP, key)
                .arg(self.clock_argument())
                .arg(old.get(CHANGING).unwrap_or_default())
                .arg(value::encode(&record))
                .number(clamped(closes_at))
                .arg(self.settings.channel.as_str())
                .arg(key.as_bytes());
            let answer = self.link.change(call).await?;
            let (then, outcome, meanwhile): (u64, u8, Option<Vec<u8>>) = read(answer)?;
            match outcome {
                0 => {
                    stored(key, meanwhile.as_deref())?;
                    return Ok(Updated::Gone);
                }
                1 => return Ok(Updated::Applied(record)),
                // Touched or changed meanwhile; the version tells which.
                _ => (now, value) = (instant(then), meanwhile),
            }
        }
        Ok(Updated::Conflict)
    }

    pub(crate) async fn count_failure(&self, key: SessionKey) -> Result<Option<u8>, StoreError> {
        let call = self.about(&script::FAIL, key).arg(self.clock_argument());
        let (_, failures, unreadable): (u64, i16, Option<Vec<u8>>) =
            read(self.link.change(call).await?)?;
        stored(key, unreadable.as_deref())?;
        Ok(u8::try_from(failures).ok())
    }

    pub(crate) async fn end(
        &self,
        key: SessionKey,
        end: End,
    ) -> Result<Option<EndedSession>, StoreError> {
        let call = self
            .about(&script::END, key)
            .key(self.layout().of(key).unreported())
            .arg(self.clock_argument())
            .number(end.reason.code())
            .arg(if end.replaced { "replaced" } else { "" })
            .number(as_millis(self.settings.tombstones))
            .arg(self.settings.channel.as_str())
            .arg(key.as_bytes());
        let (now, done, before): (u64, bool, Option<Vec<u8>>) =
            read(self.link.change(call).await?)?;
        let before = stored(key, before.as_deref())?;
        Ok(before.filter(|_| done).map(|before| EndedSession {
            record: before.record,
            reason: end.reason,
            ended_at: instant(now),
            replaced: end.replaced,
        }))
    }
}

pub(crate) fn loaded(
    key: SessionKey,
    now: Timestamp,
    value: Option<&[u8]>,
) -> Result<Loaded, StoreError> {
    let state = stored(key, value)?.map_or(Lookup::Missing, |stored| stored.lookup(now));
    Ok(Loaded { now, state })
}
