//! What all operations share: the connection to the server, and its clock.

use std::time::Duration;

use dwell_core::store::StoreError;
use dwell_core::{Clock, SessionKey, SystemClock, Timestamp};

use crate::layout::{Layout, partition_of};
use crate::link::Link;
use crate::progress::Progress;
use crate::reply::{instant, read};
use crate::script::{self, Call};
use crate::time::{INEXACT, KNOWN, Known, RELIABLE};
use crate::value::is_near_deadline;

pub(crate) struct Inner {
    pub(crate) link: Link,
    pub(crate) settings: Settings,
    pub(crate) progress: Progress,
    known: Known,
    /// This node's clock. Only differences between its readings are used.
    clock: SystemClock,
}

pub(crate) struct Settings {
    pub(crate) layout: Layout,
    pub(crate) channel: String,
    pub(crate) tombstones: Duration,
    pub(crate) clock: Option<Box<dyn Clock>>,
}

impl Inner {
    pub(crate) fn new(link: Link, settings: Settings) -> Self {
        Self {
            link,
            settings,
            progress: Progress::default(),
            known: Known::new(),
            clock: SystemClock::new(),
        }
    }

    /// The scripts' clock argument: empty for the server's clock.
    pub(crate) fn clock_argument(&self) -> String {
        let clock = self.settings.clock.as_ref();
        clock.map_or_else(String::new, |clock| clock.now().as_millis().to_string())
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.settings.layout
    }

    /// A call about one session.
    pub(crate) fn about(&self, script: &'static script::Source, key: SessionKey) -> Call {
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

    /// Reads the time and the value of a key, by a plain `GET` while the
    /// server's time is known.
    pub(crate) async fn find(
        &self,
        key: SessionKey,
    ) -> Result<(Timestamp, Option<Vec<u8>>), StoreError> {
        let (number, place) = (partition_of(key), self.layout().of(key).session(key));
        if self.known_now(number, RELIABLE).is_some() {
            let found = self.link.get(&place).await?;
            // Checked again, since the answer may have taken long. Near a deadline
            // the server judges, so that no node refuses what another admits.
            if let Some(now) = self.known_now(number, KNOWN)
                && !found
                    .as_deref()
                    .is_some_and(|value| is_near_deadline(value, now, INEXACT))
            {
                return Ok((now, found));
            }
        }
        let sent = self.sent();
        let call = self.about(&script::LOAD, key).arg(self.clock_argument());
        let (now, value): (u64, Option<Vec<u8>>) = read(self.link.call(call).await?)?;
        self.learn(number, sent, instant(now));
        Ok((instant(now), value))
    }

    /// Returns the time of a partition's server, while it is known.
    fn known_now(&self, partition: u8, ago: Duration) -> Option<Timestamp> {
        match &self.settings.clock {
            Some(clock) => Some(clock.now()),
            None => self.known.now(partition, &self.clock, ago),
        }
    }

    /// Returns this node's time before a call that returns the server's.
    pub(crate) fn sent(&self) -> Timestamp {
        self.clock.now()
    }

    /// Learns the time that a partition's server returned.
    pub(crate) fn learn(&self, partition: u8, sent: Timestamp, server: Timestamp) {
        if self.settings.clock.is_none() {
            self.known.learn(partition, server, sent, self.clock.now());
        }
    }
}
