//! A session packed into 104 bytes, and unpacked.

use std::time::Duration;

use dwell_core::store::{End, Lookup};
use dwell_core::{
    Credential, EndReason, EndedSession, Facts, NetworkId, OpenPart, PolicyId, Previous,
    SessionKey, SessionRecord, SubjectId, Timestamp, VerifierHash, as_millis,
};

/// A session or a tombstone, without its key, which is the map's.
///
/// An entry of the map, with key and lock, takes 128 bytes: two cache lines.
/// For that, rare facts are boxed, the longest pause is kept in 32 bits of
/// milliseconds (it stops counting at 49 days), and instants in the past in 48
/// bits (they end in the year 10889).
#[derive(Debug)]
pub(crate) struct Slot {
    check: VerifierHash,
    pub(crate) subject: SubjectId,
    created_at: Stamp,
    last_active_at: Stamp,
    authenticated_at: Stamp,
    idle_deadline: Timestamp,
    absolute_deadline: Timestamp,
    rare: Option<Box<Rare>>,
    longest_pause_ms: u32,
    policy: PolicyId,
    network: NetworkId,
    version: u32,
    /// The second in which the schedule looks at this slot.
    pub(crate) due: u32,
    failures: u8,
    confirmed: bool,
    replaced: bool,
    ended: Option<EndReason>,
    ended_at: Stamp,
}

/// Facts that few sessions have.
#[derive(Debug, PartialEq, Eq)]
struct Rare {
    provider_deadline: Option<Timestamp>,
    locked_at: Option<Timestamp>,
    previous: Option<Previous>,
    open: OpenPart,
}

/// An instant in 48 bits of milliseconds. The last of them, in the year 10889,
/// stands for [`Timestamp::MAX`]; later instants are read back as that, which
/// is as far in the future.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(2))]
struct Stamp {
    low: u32,
    high: u16,
}

const LAST: u64 = (1 << 48) - 1;

impl Slot {
    pub(crate) fn new(record: SessionRecord, due: u32) -> Self {
        let SessionRecord {
            key: _,
            subject,
            facts,
            credential,
            open,
        } = record;
        let rare = Rare {
            provider_deadline: facts.provider_deadline,
            locked_at: facts.locked_at,
            previous: credential.previous,
            open,
        };
        Self {
            check: credential.check,
            subject,
            created_at: facts.created_at.into(),
            last_active_at: facts.last_active_at.into(),
            authenticated_at: facts.authenticated_at.into(),
            idle_deadline: facts.idle_deadline,
            absolute_deadline: facts.absolute_deadline,
            rare: rare.boxed(),
            longest_pause_ms: u32::try_from(as_millis(facts.longest_pause)).unwrap_or(u32::MAX),
            policy: facts.policy,
            network: facts.network,
            version: facts.version,
            due,
            failures: facts.failures,
            confirmed: credential.confirmed,
            replaced: false,
            ended: None,
            ended_at: Timestamp::MIN.into(),
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        let rare = self.rare.as_deref();
        Facts {
            created_at: self.created_at.into(),
            last_active_at: self.last_active_at.into(),
            authenticated_at: self.authenticated_at.into(),
            idle_deadline: self.idle_deadline,
            absolute_deadline: self.absolute_deadline,
            provider_deadline: rare.and_then(|r| r.provider_deadline),
            locked_at: rare.and_then(|r| r.locked_at),
            longest_pause: Duration::from_millis(self.longest_pause_ms.into()),
            failures: self.failures,
            policy: self.policy,
            network: self.network,
            version: self.version,
        }
    }

    pub(crate) fn record(&self, key: SessionKey) -> SessionRecord {
        let rare = self.rare.as_deref();
        SessionRecord {
            key,
            subject: self.subject.clone(),
            facts: self.facts(),
            credential: Credential {
                check: self.check,
                confirmed: self.confirmed,
                previous: rare.and_then(|r| r.previous),
            },
            open: rare.map(|r| r.open.clone()).unwrap_or_default(),
        }
    }

    pub(crate) fn lookup(&self, key: SessionKey) -> Lookup {
        match self.tombstone(key) {
            Some(ended) => Lookup::Ended(ended),
            None => Lookup::Found(self.record(key)),
        }
    }

    /// Takes over what a change made of the record.
    pub(crate) fn replace(&mut self, record: SessionRecord) {
        *self = Self::new(record, self.due);
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.is_some()
    }

    pub(crate) fn end(&mut self, end: End, at: Timestamp) {
        self.ended = Some(end.reason);
        self.replaced = end.replaced;
        self.ended_at = at.into();
    }

    pub(crate) fn mark_replaced(&mut self, replaced: bool) {
        self.replaced |= replaced;
    }

    pub(crate) fn tombstone(&self, key: SessionKey) -> Option<EndedSession> {
        Some(EndedSession {
            reason: self.ended?,
            record: self.record(key),
            ended_at: self.ended_at.into(),
            replaced: self.replaced,
        })
    }

    /// When the session ended and whose it was, if it has ended and its tombstone
    /// may go before its time.
    pub(crate) fn spare_tombstone(&self) -> Option<(Timestamp, SubjectId)> {
        let is_spare = self.is_ended() && !self.is_adopted();
        is_spare.then(|| (self.ended_at.into(), self.subject.clone()))
    }

    /// Whether another middleware owns the session.
    fn is_adopted(&self) -> bool {
        self.check == VerifierHash::NONE
    }

    /// When the tombstone leaves memory. An adopted session could be adopted
    /// again while its owner still accepts it, so its tombstone outlives it.
    pub(crate) fn forget_at(&self, tombstones: Duration) -> Timestamp {
        let by_age = Timestamp::from(self.ended_at) + tombstones;
        if self.is_adopted() {
            by_age.max(self.absolute_deadline)
        } else {
            by_age
        }
    }

    pub(crate) fn count_failure(&mut self, now: Timestamp) -> Option<u8> {
        let counted = self.facts().count_failure(now)?;
        self.failures = counted;
        Some(counted)
    }

    /// A touch changes these four and nothing else.
    pub(crate) fn record_activity(&mut self, facts: &Facts) {
        self.last_active_at = facts.last_active_at.into();
        self.idle_deadline = facts.idle_deadline;
        self.network = facts.network;
        self.longest_pause_ms = u32::try_from(as_millis(facts.longest_pause)).unwrap_or(u32::MAX);
    }
}

impl From<Timestamp> for Stamp {
    #[allow(clippy::cast_possible_truncation, reason = "cut into its halves")]
    fn from(at: Timestamp) -> Self {
        let millis = at.as_millis().min(LAST);
        Self {
            low: millis as u32,
            high: (millis >> 32) as u16,
        }
    }
}

impl From<Stamp> for Timestamp {
    fn from(Stamp { low, high }: Stamp) -> Self {
        match u64::from(high) << 32 | u64::from(low) {
            LAST => Self::MAX,
            millis => Self::from_millis(millis),
        }
    }
}

impl Rare {
    fn boxed(self) -> Option<Box<Self>> {
        let none = Self {
            provider_deadline: None,
            locked_at: None,
            previous: None,
            open: OpenPart::new(),
        };
        (self != none).then(|| Box::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(shuttle))]
    fn map_entry_takes_128_bytes() {
        let entry = size_of::<(SessionKey, std::sync::Mutex<Slot>)>();
        assert_eq!((size_of::<Slot>(), entry), (104, 128));
    }

    #[test]
    fn stamps_round_trip_up_to_the_last() {
        let there_and_back = |millis| {
            let stamp = Stamp::from(Timestamp::from_millis(millis));
            Timestamp::from(stamp).as_millis()
        };
        let far = LAST - 1;
        for millis in [0, 1, u64::from(u32::MAX), 1 << 32, 1_790_000_000_123, far] {
            assert_eq!(there_and_back(millis), millis);
        }
        for millis in [LAST, LAST + 1, u64::MAX] {
            assert_eq!(there_and_back(millis), u64::MAX);
        }
    }

    #[test]
    fn packing_loses_nothing() {
        let at = Timestamp::from_millis;
        let record = SessionRecord {
            key: SessionKey::from_bytes([3; 16]),
            subject: "alice".into(),
            facts: Facts {
                created_at: at(1),
                last_active_at: at(2),
                authenticated_at: at(3),
                idle_deadline: at(4),
                absolute_deadline: at(5),
                provider_deadline: Some(at(6)),
                locked_at: Some(at(7)),
                longest_pause: Duration::from_millis(8),
                failures: 9,
                policy: PolicyId::of("admin"),
                network: NetworkId::of("office"),
                version: 10,
            },
            credential: Credential {
                check: VerifierHash::from_bits(u128::MAX - 5),
                confirmed: false,
                previous: Some(Previous {
                    check: VerifierHash::from_bits(77),
                    at: at(11),
                }),
            },
            open: OpenPart::from_bytes(&[240, 0, 1, 12]).unwrap(),
        };
        let mut slot = Slot::new(record.clone(), 12);
        assert_eq!(slot.record(record.key), record);
        slot.end(EndReason::Revoked.into(), at(13));
        let tombstone = slot.tombstone(record.key).unwrap();
        assert_eq!(tombstone.record, record);
        assert_eq!(
            (tombstone.reason, tombstone.ended_at),
            (EndReason::Revoked, at(13))
        );
    }
}
