//! A session packed into 128 bytes, and unpacked.

use std::sync::Arc;
use std::time::Duration;

use crate::id::{NetworkId, PolicyId};
use crate::reason::EndReason;
use crate::record::{Credential, EndedSession, Facts, Previous, SessionRecord, Strength};
use crate::store::{End, Lookup};
use crate::subject::SubjectId;
use crate::time::{Timestamp, millis};
use crate::token::{SessionKey, TokenCheck};

/// A session or a tombstone.
///
/// What few sessions have is boxed, and the longest pause is kept in 32 bits
/// of milliseconds (it stops counting at 49 days).
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: SessionKey,
    check: TokenCheck,
    subject: SubjectId,
    created_at: Timestamp,
    last_active_at: Timestamp,
    authenticated_at: Timestamp,
    idle_deadline: Timestamp,
    absolute_deadline: Timestamp,
    rare: Option<Box<Rare>>,
    longest_pause_ms: u32,
    policy: PolicyId,
    network: NetworkId,
    version: u32,
    /// The second in which the schedule looks at this slot.
    pub(super) due: u32,
    failures: u8,
    confirmed: bool,
    replaced: bool,
    ended: Option<EndReason>,
    ended_at: Timestamp,
}

/// What few sessions have.
#[derive(Debug, PartialEq, Eq)]
struct Rare {
    provider_deadline: Option<Timestamp>,
    locked_at: Option<Timestamp>,
    previous: Option<Previous>,
    strength: Option<Arc<Strength>>,
}

impl Slot {
    pub(super) fn new(record: SessionRecord, due: u32) -> Self {
        let SessionRecord {
            key,
            subject,
            facts,
            strength,
            credential,
        } = record;
        let rare = Rare {
            provider_deadline: facts.provider_deadline,
            locked_at: facts.locked_at,
            previous: credential.previous,
            strength,
        };
        Self {
            key,
            check: credential.check,
            subject,
            created_at: facts.created_at,
            last_active_at: facts.last_active_at,
            authenticated_at: facts.authenticated_at,
            idle_deadline: facts.idle_deadline,
            absolute_deadline: facts.absolute_deadline,
            rare: rare.boxed(),
            longest_pause_ms: u32::try_from(millis(facts.longest_pause)).unwrap_or(u32::MAX),
            policy: facts.policy,
            network: facts.network,
            version: facts.version,
            due,
            failures: facts.failures,
            confirmed: credential.confirmed,
            replaced: false,
            ended: None,
            ended_at: Timestamp::MIN,
        }
    }

    pub(super) fn facts(&self) -> Facts {
        let rare = self.rare.as_deref();
        Facts {
            created_at: self.created_at,
            last_active_at: self.last_active_at,
            authenticated_at: self.authenticated_at,
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

    pub(super) fn record(&self) -> SessionRecord {
        let rare = self.rare.as_deref();
        SessionRecord {
            key: self.key,
            subject: self.subject.clone(),
            facts: self.facts(),
            strength: rare.and_then(|r| r.strength.clone()),
            credential: Credential {
                check: self.check,
                confirmed: self.confirmed,
                previous: rare.and_then(|r| r.previous),
            },
        }
    }

    pub(super) fn lookup(&self) -> Lookup {
        match self.tombstone() {
            Some(ended) => Lookup::Ended(ended),
            None => Lookup::Found(self.record()),
        }
    }

    /// Takes over what a change made of the record.
    pub(super) fn replace(&mut self, record: SessionRecord) {
        *self = Self::new(record, self.due);
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.is_some()
    }

    pub(super) fn end(&mut self, end: End, at: Timestamp) {
        self.ended = Some(end.reason);
        self.replaced = end.replaced;
        self.ended_at = at;
    }

    pub(super) fn mark_replaced(&mut self, replaced: bool) {
        self.replaced |= replaced;
    }

    pub(super) fn tombstone(&self) -> Option<EndedSession> {
        Some(EndedSession {
            reason: self.ended?,
            record: self.record(),
            ended_at: self.ended_at,
            replaced: self.replaced,
        })
    }

    /// When the tombstone goes. A foreign session could be adopted again as
    /// long as its owner still shows it, so its tombstone outlives it.
    pub(super) fn forget_at(&self, tombstones: Duration) -> Timestamp {
        let by_age = self.ended_at + tombstones;
        if self.check == TokenCheck::FOREIGN {
            by_age.max(self.absolute_deadline)
        } else {
            by_age
        }
    }

    /// A touch changes these four and nothing else.
    pub(super) fn record_activity(&mut self, facts: &Facts) {
        self.last_active_at = facts.last_active_at;
        self.idle_deadline = facts.idle_deadline;
        self.network = facts.network;
        self.longest_pause_ms = u32::try_from(millis(facts.longest_pause)).unwrap_or(u32::MAX);
    }
}

impl Rare {
    fn boxed(self) -> Option<Box<Self>> {
        let none = Self {
            provider_deadline: None,
            locked_at: None,
            previous: None,
            strength: None,
        };
        (self != none).then(|| Box::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_takes_128_bytes() {
        assert_eq!(size_of::<Option<Slot>>(), 128);
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
            strength: Some(Arc::new(Strength::none().with_acr("aal2"))),
            credential: Credential {
                check: TokenCheck::from_bits(u128::MAX - 5),
                confirmed: false,
                previous: Some(Previous {
                    check: TokenCheck::from_bits(77),
                    at: at(11),
                }),
            },
        };
        let mut slot = Slot::new(record.clone(), 12);
        assert_eq!(slot.record(), record);
        slot.end(EndReason::Revoked.into(), at(13));
        let tombstone = slot.tombstone().unwrap();
        assert_eq!(tombstone.record, record);
        assert_eq!(
            (tombstone.reason, tombstone.ended_at),
            (EndReason::Revoked, at(13))
        );
    }
}
