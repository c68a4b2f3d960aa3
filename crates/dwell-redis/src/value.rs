//! A session as Redis keeps it: one string, 116 bytes and what varies.
//!
//! The scripts read and patch the front of it in place, so its layout is part
//! of the scripts (`script/prelude.lua`) and of `docs/stores.md`. Instants
//! take 48 bits of milliseconds; the last of them stands for
//! [`Timestamp::MAX`].

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use dwell_core::store::Lookup;
use dwell_core::{
    AuthenticationContext, Credential, EndReason, EndedSession, Facts, NetworkId, PolicyId,
    Previous, SessionKey, SessionRecord, Timestamp, VerifierHash, as_millis,
};

/// The first byte of every value. Another one is another layout.
const FORMAT: u8 = 1;
/// What is there whatever the subject.
const HEAD: usize = 116;
/// What a touch or an update changes in every case: versions are compared by
/// these bytes.
pub(crate) const CHANGING: Range<usize> = 4..28;

const CONFIRMED: u8 = 1;
const REPLACED: u8 = 2;
const PROVIDER: u8 = 4;
const LOCKED: u8 = 8;
const PREVIOUS: u8 = 16;
const STRENGTH: u8 = 32;

/// Stands for [`Timestamp::MAX`].
const LAST: u64 = (1 << 48) - 1;
/// The length of a text that is not there.
const NO_TEXT: u32 = u32::MAX;

/// What is under a session's key.
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

/// A value that none of ours wrote, or that something has damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it has layout {0}, and this version of Dwell reads layout {FORMAT} alone")]
    Format(u8),
    #[error("it is shorter than a session")]
    Short,
    #[error("it has an end reason that this version of Dwell does not know: {0}")]
    Reason(u8),
    #[error("it holds a text that is not UTF-8")]
    Text,
    #[error("it goes on after its end")]
    Long,
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

    /// Whether it is a tombstone whose time is over.
    pub(crate) fn is_forgotten(&self, now: Timestamp) -> bool {
        self.ending.is_some_and(|ending| now >= ending.forget_at)
    }

    /// What a look-up at `now` finds. A tombstone carries its own lifetime,
    /// since keys outlive theirs (N21).
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

/// The value of a session that has not ended.
pub(crate) fn encode(record: &SessionRecord) -> Vec<u8> {
    let SessionRecord {
        key: _,
        subject,
        facts,
        strength,
        credential,
    } = record;
    let mut flags = 0;
    let mut flag = |set: bool, bit| flags |= if set { bit } else { 0 };
    flag(credential.confirmed, CONFIRMED);
    flag(facts.provider_deadline.is_some(), PROVIDER);
    flag(facts.locked_at.is_some(), LOCKED);
    flag(credential.previous.is_some(), PREVIOUS);
    flag(strength.is_some(), STRENGTH);
    let previous = credential.previous.unwrap_or(Previous {
        check: VerifierHash::NONE,
        at: Timestamp::MIN,
    });
    let mut out = Writer(Vec::with_capacity(HEAD + subject.as_str().len() + 16));
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
    if let Some(strength) = strength {
        match &strength.acr {
            Some(acr) => out.text(acr),
            None => out.number(NO_TEXT),
        }
        for method in &strength.amr {
            out.text(method);
        }
    }
    out.0
}

/// Reads a value back.
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
    let subject = value.text()?.unwrap_or_default().into();
    let strength = if has(STRENGTH) {
        Some(Arc::new(value.strength()?))
    } else {
        None
    };
    if !value.0.is_empty() {
        return Err(Unreadable::Long);
    }
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
    let ending = match reason {
        0 => None,
        number => Some(Ending {
            reason: reason_of(number).ok_or(Unreadable::Reason(number))?,
            at: ended_at,
            forget_at,
            replaced: has(REPLACED),
        }),
    };
    Ok(Stored {
        record: SessionRecord {
            key,
            subject,
            facts,
            strength,
            credential: Credential {
                check,
                confirmed: has(CONFIRMED),
                previous: has(PREVIOUS).then_some(previous),
            },
        },
        ending,
    })
}

/// Numbers are for ever: a reason that is gone leaves a gap.
const REASONS: [(u8, EndReason); 9] = [
    (1, EndReason::AbsoluteTimeout),
    (2, EndReason::IdpLogout),
    (3, EndReason::IdpSessionExpired),
    (4, EndReason::IdleTimeout),
    (5, EndReason::ReauthenticationFailed),
    (6, EndReason::Revoked),
    (7, EndReason::SignedOut),
    (8, EndReason::Superseded),
    (9, EndReason::TokenReuse),
];

/// The number that a tombstone keeps of a reason.
pub(crate) fn number_of(reason: EndReason) -> Option<u8> {
    let found = REASONS.iter().find(|(_, r)| *r == reason);
    found.map(|(number, _)| *number)
}

fn reason_of(number: u8) -> Option<EndReason> {
    let found = REASONS.iter().find(|(n, _)| *n == number);
    found.map(|(_, reason)| *reason)
}

/// An instant in the 48 bits that it has here.
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
        // Nobody has names of four gigabytes; one that has loses its end.
        let length = text.len().min(NO_TEXT as usize - 1);
        self.number(u32::try_from(length).unwrap_or(0));
        self.bytes(&text.as_bytes()[..length]);
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

    fn text(&mut self) -> Result<Option<&'a str>, Unreadable> {
        match self.number()? {
            NO_TEXT => Ok(None),
            length => {
                let text = std::str::from_utf8(self.bytes(length as usize)?);
                text.map(Some).map_err(|_| Unreadable::Text)
            }
        }
    }

    fn strength(&mut self) -> Result<AuthenticationContext, Unreadable> {
        let mut strength = AuthenticationContext::none();
        strength.acr = self.text()?.map(Into::into);
        while !self.0.is_empty() {
            strength.amr.push(self.text()?.unwrap_or_default().into());
        }
        Ok(strength)
    }
}
