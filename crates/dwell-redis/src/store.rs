//! The store: what is done to one session.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Lookup, Quota, Reaped, SessionStore, StoreError, StoreFuture,
    TouchOutcome, Update, Updated, Watched,
};
use dwell_core::{
    Clock, EndedSession, SessionKey, SessionRecord, SubjectId, SystemClock, Timestamp, as_millis,
};

use crate::connect::RedisStoreBuilder;
use crate::error::ConnectError;
use crate::layout::{Layout, partition_of};
use crate::link::Link;
use crate::reap::Progress;
use crate::reply::{instant, read, stored};
use crate::script::{self, Call};
use crate::time::{KNOWN, Known, RELIABLE};
use crate::value::{self, CHANGING, Stored, clamped};

/// How often an update that meets touches tries again.
const TRIES: usize = 100;

/// Sessions in Redis or Valkey. Clones share connections.
///
/// ```no_run
/// # async fn f() -> Result<(), dwell_redis::ConnectError> {
/// let store = dwell_redis::RedisStore::connect("redis://127.0.0.1:6379/").await?;
/// # let _ = store;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) link: Link,
    pub(crate) settings: Settings,
    pub(crate) progress: Progress,
    known: Known,
    /// This node's clock, of which only what passes is read.
    clock: SystemClock,
}

pub(crate) struct Settings {
    pub(crate) layout: Layout,
    pub(crate) channel: String,
    pub(crate) tombstones: Duration,
    pub(crate) clock: Option<Box<dyn Clock>>,
}

impl RedisStore {
    /// Connects to where `url` says, with the settings of
    /// [`builder`](Self::builder).
    ///
    /// # Errors
    /// When the URL leads nowhere, the server can't be reached or refuses, or
    /// the keys there are of another layout.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder().connect(url).await
    }

    /// Settings, to begin with.
    #[must_use]
    pub fn builder() -> RedisStoreBuilder {
        RedisStoreBuilder::new()
    }

    pub(crate) fn new(link: Link, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            link,
            settings,
            progress: Progress::default(),
            known: Known::new(),
            clock: SystemClock::new(),
        }))
    }
}

impl Inner {
    /// The clock as scripts are told it: empty for the server's own.
    pub(crate) fn told(&self) -> String {
        let clock = self.settings.clock.as_ref();
        clock.map_or_else(String::new, |clock| clock.now().as_millis().to_string())
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.settings.layout
    }

    /// A call about one session.
    fn about(&self, script: &'static script::Source, key: SessionKey) -> Call {
        script.call().key(self.layout().of(key).session(key))
    }

    pub(crate) async fn now(&self) -> Result<Timestamp, StoreError> {
        if let Some(clock) = &self.settings.clock {
            return Ok(clock.now());
        }
        let call = script::LOAD.call().key(self.layout().schema()).arg("");
        let (now, _): (u64, Option<Vec<u8>>) = read(self.link.call(call).await?)?;
        Ok(instant(now))
    }

    /// The time and what is under a key, by a plain `GET` where the time is
    /// known.
    pub(crate) async fn find(
        &self,
        key: SessionKey,
    ) -> Result<(Timestamp, Option<Vec<u8>>), StoreError> {
        let (number, place) = (partition_of(key), self.layout().of(key).session(key));
        if self.known_now(number, RELIABLE).is_some() {
            let found = self.link.get(&place).await?;
            // Asked again: it may have taken long.
            if let Some(now) = self.known_now(number, KNOWN) {
                return Ok((now, found));
            }
        }
        let sent = self.sent();
        let call = self.about(&script::LOAD, key).arg(self.told());
        let (now, value): (u64, Option<Vec<u8>>) = read(self.link.call(call).await?)?;
        self.learn(number, sent, instant(now));
        Ok((instant(now), value))
    }

    /// What the clock of a partition's server says, where it is known.
    fn known_now(&self, partition: u8, ago: Duration) -> Option<Timestamp> {
        match &self.settings.clock {
            Some(clock) => Some(clock.now()),
            None => self.known.now(partition, &self.clock, ago),
        }
    }

    /// Begins a call that tells the time.
    pub(crate) fn sent(&self) -> Timestamp {
        self.clock.now()
    }

    /// A partition's server told the time.
    pub(crate) fn learn(&self, partition: u8, sent: Timestamp, told: Timestamp) {
        if self.settings.clock.is_none() {
            self.known.learn(partition, told, sent, self.clock.now());
        }
    }

    async fn load(&self, key: SessionKey) -> Result<Loaded, StoreError> {
        let (now, value) = self.find(key).await?;
        loaded(key, now, value.as_deref())
    }

    async fn touch(
        &self,
        key: SessionKey,
        touch: Touch,
        load: bool,
    ) -> Result<(TouchOutcome, Timestamp, Option<Vec<u8>>), StoreError> {
        let call = self
            .about(&script::TOUCH, key)
            .arg(self.told())
            .number(clamped(touch.at))
            .number(clamped(touch.idle_deadline))
            .arg(touch.network.to_bits().to_be_bytes())
            .arg(if load { "load" } else { "" });
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

    async fn update(
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
            if !record.update(&update, now) {
                return Ok(Updated::Gone);
            }
            let call = self
                .about(&script::SWAP, key)
                .arg(self.told())
                .arg(old.get(CHANGING).unwrap_or_default())
                .arg(value::encode(&record))
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
                // TouchOutcome or changed: which of them is told by the version.
                _ => (now, value) = (instant(then), meanwhile),
            }
        }
        Ok(Updated::Conflict)
    }

    pub(crate) async fn end(
        &self,
        key: SessionKey,
        end: End,
    ) -> Result<Option<EndedSession>, StoreError> {
        let call = self
            .about(&script::END, key)
            .key(self.layout().of(key).unreported())
            .arg(self.told())
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

fn loaded(key: SessionKey, now: Timestamp, value: Option<&[u8]>) -> Result<Loaded, StoreError> {
    let state = stored(key, value)?.map_or(Lookup::Missing, |stored| stored.lookup(now));
    Ok(Loaded { now, state })
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.0.layout().prefix())
            .finish_non_exhaustive()
    }
}

impl SessionStore for RedisStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        StoreFuture::boxed(self.0.now())
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        StoreFuture::boxed(self.0.load(key))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        StoreFuture::boxed(self.0.create(record, quota, judge))
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::boxed(async move {
            let (touched, _, value) = self.0.touch(key, touch, false).await?;
            stored(key, value.as_deref())?;
            Ok(touched)
        })
    }

    fn touch_and_load(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
        StoreFuture::boxed(async move {
            let (touched, now, value) = self.0.touch(key, touch, true).await?;
            Ok((touched, loaded(key, now, value.as_deref())?))
        })
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        StoreFuture::boxed(self.0.update(key, version, update))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::boxed(self.0.end(key, end))
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        StoreFuture::boxed(self.0.list(subject))
    }

    fn reap(&self, judge: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        StoreFuture::boxed(self.0.reap(judge, batch))
    }

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self)
    }

    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        StoreFuture::boxed(self.0.acknowledge(keys))
    }
}
