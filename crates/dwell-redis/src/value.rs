//! A session as Redis keeps it: a string of 116 bytes, the subject and the open
//! part.
//!
//! The scripts read and change the front of it in place, so
//! `script/prelude.lua` and `docs/stores.md` repeat this layout. Instants take
//! 48 bits of milliseconds; the largest value stands for [`Timestamp::MAX`].

use std::ops::Range;
use std::time::Duration;

use dwell_core::store::Lookup;
use dwell_core::{
    Credential, EndReason, EndedSession, Facts, InvalidOpenPart, NetworkId, OpenPart, PolicyId,
    Previous, SessionKey, SessionRecord, Timestamp, VerifierHash, as_millis,
};

/// The first byte of every value: the layout's number.
const FORMAT: u8 = 1;
/// The size of the part that every value has.
const HEAD: usize = 116;
/// The bytes that every touch, every update and every failed authentication
/// changes; versions are compared by them.
pub(crate) const CHANGING: Range<usize> = 3..28;

/// Where the idle deadline, the absolute one and the provider's are.
const IDLE: usize = 14;
const ABSOLUTE: usize = 28;
const PROVIDERS: usize = 34;

const CONFIRMED: u8 = 1;
const REPLACED: u8 = 2;
const PROVIDER: u8 = 4;
const LOCKED: u8 = 8;
const PREVIOUS: u8 = 16;

/// Stands for [`Timestamp::MAX`].
const LAST: u64 = (1 << 48) - 1;

/// The value of a session's key: a session or a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) record: SessionRecord,
    pub(crate) ending: Option<Ending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) reason: EndReason,
    pub(crate) at: Timestamp,
    pub(crate) forget_at: Timestamp,
    pub(crate) replaced: bool,
}

/// Why a value can't be read: it is damaged, or another program wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the value has layout {0}, but this version of Dwell reads layout {FORMAT} only")]
    Format(u8),
    #[error("the value is shorter than a session")]
    Short,
    #[error("the value holds a text that is not UTF-8")]
    Text,
    #[error(transparent)]
    Open(#[from] InvalidOpenPart),
}

impl Stored {
    pub(crate) fn tombstone(self) -> Option<EndedSession> {
        let ending = self.ending?;
        Some(EndedSession {
            record: self.record,
            reason: ending.reason,
            ended_at: ending.at,
            replaced: ending.replaced,
        })
    }

    /// Whether this is a tombstone whose lifetime is over.
    pub(crate) fn is_forgotten(&self, now: Timestamp) -> bool {
        self.ending.is_some_and(|ending| now >= ending.forget_at)
    }

    /// Returns what a look-up at `now` finds. The tombstone's lifetime is in
    /// its value, since its key lives longer (N21).
    pub(crate) fn lookup(self, now: Timestamp) -> Lookup {
        if self.ending.is_none() {
            Lookup::Found(self.record)
        } else if self.is_forgotten(now) {
            Lookup::Missing
        } else {
            self.tombstone().map_or(Lookup::Missing, Lookup::Ended)
        }
    }
}

/// Writes a session that has not ended.
pub(crate) fn encode(record: &SessionRecord) -> Vec<u8> {
    let SessionRecord {
        key: _,
        subject,
        facts,
        credential,
        open,
    } = record;
    let mut flags = 0;
    let mut flag = |set: bool, bit| flags |= if set { bit } else { 0 };
    flag(credential.confirmed, CONFIRMED);
    flag(facts.provider_deadline.is_some(), PROVIDER);
    flag(facts.locked_at.is_some(), LOCKED);
    flag(credential.previous.is_some(), PREVIOUS);
    let previous = credential.previous.unwrap_or(Previous {
        check: VerifierHash::NONE,
        at: Timestamp::MIN,
    });
    let length = HEAD + subject.as_str().len() + open.as_bytes().len();
    let mut out = Writer(Vec::with_capacity(length));
    out.bytes(&[FORMAT, flags, 0, facts.failures]);
    out.number(facts.version);
    out.instant(facts.last_active_at);
    out.instant(facts.idle_deadline);
    out.number(facts.network.to_bits());
    out.number(u32::try_from(as_millis(facts.longest_pause)).unwrap_or(u32::MAX));
    out.instant(facts.absolute_deadline);
    out.instant(facts.provider_deadline.unwrap_or(Timestamp::MIN));
    out.instant(facts.locked_at.unwrap_or(Timestamp::MIN));
    out.instant(facts.created_at);
    out.instant(facts.authenticated_at);
    out.number(facts.policy.to_bits());
    out.bytes(&credential.check.to_bits().to_be_bytes());
    out.bytes(&previous.check.to_bits().to_be_bytes());
    out.instant(previous.at);
    out.instant(Timestamp::MIN);
    out.instant(Timestamp::MIN);
    out.text(subject.as_str());
    out.bytes(open.as_bytes());
    out.0
}

/// Reads a value.
pub(crate) fn decode(key: SessionKey, value: &[u8]) -> Result<Stored, Unreadable> {
    match value.first() {
        None => return Err(Unreadable::Short),
        Some(&FORMAT) => {}
        Some(&other) => return Err(Unreadable::Format(other)),
    }
    let mut value = Reader(value);
    let [_, flags, reason, failures] = value.array()?;
    let has = |bit| flags & bit != 0;
    let version = value.number()?;
    let last_active_at = value.instant()?;
    let idle_deadline = value.instant()?;
    let network = NetworkId::from_bits(value.number()?);
    let longest_pause = Duration::from_millis(value.number()?.into());
    let absolute_deadline = value.instant()?;
    let provider_deadline = value.instant()?;
    let locked_at = value.instant()?;
    let created_at = value.instant()?;
    let authenticated_at = value.instant()?;
    let policy = PolicyId::from_bits(value.number()?);
    let check = value.check()?;
    let previous = Previous {
        check: value.check()?,
        at: value.instant()?,
    };
    let ended_at = value.instant()?;
    let forget_at = value.instant()?;
    let subject = value.text()?.into();
    let open = OpenPart::from_bytes(value.0)?;
    let facts = Facts {
        created_at,
        last_active_at,
        authenticated_at,
        idle_deadline,
        absolute_deadline,
        provider_deadline: has(PROVIDER).then_some(provider_deadline),
        locked_at: has(LOCKED).then_some(locked_at),
        longest_pause,
        failures,
        policy,
        network,
        version,
    };
    let ending = EndReason::from_code(reason).map(|reason| Ending {
        reason,
        at: ended_at,
        forget_at,
        replaced: has(REPLACED),
    });
    Ok(Stored {
        record: SessionRecord {
            key,
            subject,
            facts,
            credential: Credential {
                check,
                confirmed: has(CONFIRMED),
                previous: has(PREVIOUS).then_some(previous),
            },
            open,
        },
        ending,
    })
}

/// Whether a recorded deadline of this value is at most `margin` before or after
/// `now`.
pub(crate) fn is_near_deadline(value: &[u8], now: Timestamp, margin: Duration) -> bool {
    [IDLE, ABSOLUTE, PROVIDERS].into_iter().any(|place| {
        let deadline = value
            .get(place..)
            .and_then(|rest| Reader(rest).instant().ok());
        deadline.is_some_and(|at| at - now <= margin && now - at <= margin)
    })
}

/// Cuts an instant to 48 bits.
pub(crate) fn clamped(at: Timestamp) -> u64 {
    at.as_millis().min(LAST)
}

struct Writer(Vec<u8>);

impl Writer {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn number(&mut self, number: u32) {
        self.bytes(&number.to_be_bytes());
    }

    fn instant(&mut self, at: Timestamp) {
        self.bytes(&clamped(at).to_be_bytes()[2..]);
    }

    fn text(&mut self, text: &str) {
        // Redis holds no value of four gigabytes.
        self.number(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.bytes(text.as_bytes());
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Unreadable::Short)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        self.bytes(N)?.try_into().map_err(|_| Unreadable::Short)
    }

    fn number(&mut self) -> Result<u32, Unreadable> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn instant(&mut self) -> Result<Timestamp, Unreadable> {
        let [a, b, c, d, e, f] = self.array()?;
        Ok(match u64::from_be_bytes([0, 0, a, b, c, d, e, f]) {
            LAST => Timestamp::MAX,
            ms => Timestamp::from_millis(ms),
        })
    }

    fn check(&mut self) -> Result<VerifierHash, Unreadable> {
        Ok(VerifierHash::from_bits(u128::from_be_bytes(self.array()?)))
    }

    fn text(&mut self) -> Result<&'a str, Unreadable> {
        let length = self.number()?;
        std::str::from_utf8(self.bytes(length as usize)?).map_err(|_| Unreadable::Text)
    }
}

#[cfg(test)]
mod tests {
    use dwell_core::{Clock, ManualClock, SubjectId, hours, minutes};

    use super::*;

    #[test]
    fn each_recorded_deadline_is_found() {
        const MARGIN: Duration = Duration::from_millis(30);
        const MS: Duration = Duration::from_millis(1);
        let at = ManualClock::new().now();
        let deadlines = [at + minutes(15), at + minutes(30), at + hours(8)];
        let value = encode(&SessionRecord {
            key: SessionKey::adopted(b"1"),
            subject: SubjectId::from("alice"),
            facts: Facts {
                created_at: at,
                last_active_at: at,
                authenticated_at: at,
                idle_deadline: deadlines[0],
                absolute_deadline: deadlines[2],
                provider_deadline: Some(deadlines[1]),
                locked_at: None,
                longest_pause: Duration::ZERO,
                failures: 0,
                policy: PolicyId::DEFAULT,
                network: NetworkId::NONE,
                version: 0,
            },
            credential: Credential::new(VerifierHash::NONE),
            open: OpenPart::new(),
        });
        for deadline in deadlines {
            for near in [deadline - MARGIN, deadline, deadline + MARGIN] {
                assert!(is_near_deadline(&value, near, MARGIN), "{near}");
            }
            for far in [deadline - MARGIN - MS, deadline + MARGIN + MS] {
                assert!(!is_near_deadline(&value, far, MARGIN), "{far}");
            }
        }
        assert!(!is_near_deadline(b"", at, MARGIN));
    }
}
