//! Converts between sessions and rows.

use std::time::Duration;

use dwell_core::{
    Credential, EndReason, EndedSession, Facts, NetworkId, OpenPart, PolicyId, Previous,
    SessionKey, SessionRecord, SessionRef, Timestamp, VerifierHash, as_millis,
};

/// Why a row can't be read: it is damaged, or another program wrote it.
#[derive(Debug, thiserror::Error)]
#[error("column {column} of session {session} holds {what}")]
pub(crate) struct Corrupt {
    column: &'static str,
    session: String,
    what: &'static str,
    source: Option<sqlx::Error>,
}

/// A row as read from the database.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) key: Vec<u8>,
    pub(crate) due: i64,
    pub(crate) content: Result<Content, Corrupt>,
}

impl Row {
    pub(crate) fn new(key: Vec<u8>, due: i64, stored: Result<Stored, sqlx::Error>) -> Self {
        let content = match stored {
            Ok(stored) => stored.content(),
            Err(source) => Err(Corrupt {
                column: "(unknown)",
                session: reference(&key),
                what: "a value of another type",
                source: Some(source),
            }),
        };
        Self { key, due, content }
    }

    /// Returns the session or its tombstone. Logs and skips a row that can't be
    /// read.
    pub(crate) fn readable(self) -> Option<Content> {
        self.content.inspect_err(warn).ok()
    }
}

/// Logs that a row is skipped.
pub(crate) fn warn(error: &Corrupt) {
    let source = error.source.as_ref().map(tracing::field::display);
    tracing::warn!(
        %error,
        source,
        "a session can't be read and is skipped: its row is damaged or foreign"
    );
}

/// A row, in types that both databases have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    pub(crate) key: Vec<u8>,
    pub(crate) subject: String,
    pub(crate) created_at: i64,
    pub(crate) last_active_at: i64,
    pub(crate) authenticated_at: i64,
    pub(crate) idle_deadline: i64,
    pub(crate) absolute_deadline: i64,
    pub(crate) provider_deadline: Option<i64>,
    pub(crate) locked_at: Option<i64>,
    pub(crate) longest_pause: i64,
    pub(crate) failures: i64,
    pub(crate) policy: i64,
    pub(crate) network: i64,
    pub(crate) version: i64,
    pub(crate) open_part: Vec<u8>,
    pub(crate) token_check: Vec<u8>,
    pub(crate) confirmed: bool,
    pub(crate) previous_check: Option<Vec<u8>>,
    pub(crate) previous_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) ended_reason: Option<i16>,
    pub(crate) replaced: bool,
}

/// A row's session or tombstone.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "moved once per row")]
pub(crate) enum Content {
    Live(SessionRecord),
    Ended(EndedSession),
}

impl Stored {
    pub(crate) fn new(record: &SessionRecord) -> Self {
        let SessionRecord {
            key,
            subject,
            facts,
            credential,
            open,
        } = record;
        let previous = credential.previous;
        Self {
            key: key.as_bytes().to_vec(),
            subject: subject.as_str().to_owned(),
            created_at: instant(facts.created_at),
            last_active_at: instant(facts.last_active_at),
            authenticated_at: instant(facts.authenticated_at),
            idle_deadline: instant(facts.idle_deadline),
            absolute_deadline: instant(facts.absolute_deadline),
            provider_deadline: facts.provider_deadline.map(instant),
            locked_at: facts.locked_at.map(instant),
            longest_pause: length(facts.longest_pause),
            failures: facts.failures.into(),
            policy: facts.policy.to_bits().into(),
            network: facts.network.to_bits().into(),
            version: facts.version.into(),
            open_part: open.as_bytes().to_vec(),
            token_check: check_bytes(credential.check),
            confirmed: credential.confirmed,
            previous_check: previous.map(|previous| check_bytes(previous.check)),
            previous_at: previous.map(|previous| instant(previous.at)),
            ..Self::default()
        }
    }

    fn content(&self) -> Result<Content, Corrupt> {
        let (at, code) = match (self.ended_at, self.ended_reason) {
            (None, None) => return self.record().map(Content::Live),
            (Some(at), Some(code)) => (at, code),
            _ => {
                return Err(
                    self.corrupt("ended_reason", "an end without its instant, or the reverse")
                );
            }
        };
        let code = self.number("ended_reason", code.into())?;
        let reason = EndReason::from_code(code);
        Ok(Content::Ended(EndedSession {
            record: self.record()?,
            reason: reason.ok_or_else(|| self.corrupt("ended_reason", "no code of a reason"))?,
            ended_at: self.timestamp("ended_at", at)?,
            replaced: self.replaced,
        }))
    }

    fn record(&self) -> Result<SessionRecord, Corrupt> {
        let key = <[u8; 16]>::try_from(&*self.key);
        let optional =
            |column, at: Option<i64>| at.map(|at| self.timestamp(column, at)).transpose();
        Ok(SessionRecord {
            key: SessionKey::from_bytes(
                key.map_err(|_| self.corrupt("key", "another length than 16 bytes"))?,
            ),
            subject: self.subject.as_str().into(),
            facts: Facts {
                created_at: self.timestamp("created_at", self.created_at)?,
                last_active_at: self.timestamp("last_active_at", self.last_active_at)?,
                authenticated_at: self.timestamp("authenticated_at", self.authenticated_at)?,
                idle_deadline: self.timestamp("idle_deadline", self.idle_deadline)?,
                absolute_deadline: self.timestamp("absolute_deadline", self.absolute_deadline)?,
                provider_deadline: optional("provider_deadline", self.provider_deadline)?,
                locked_at: optional("locked_at", self.locked_at)?,
                longest_pause: Duration::from_millis(
                    self.number("longest_pause", self.longest_pause)?,
                ),
                failures: self.number("failures", self.failures)?,
                policy: PolicyId::from_bits(self.number("policy", self.policy)?),
                network: NetworkId::from_bits(self.number("network", self.network)?),
                version: self.number("version", self.version)?,
            },
            credential: Credential {
                check: self.check("token_check", &self.token_check)?,
                confirmed: self.confirmed,
                previous: self.previous()?,
            },
            open: OpenPart::from_bytes(&self.open_part).map_err(|_| {
                self.corrupt("open_part", "no list of entries, or one over 1,024 bytes")
            })?,
        })
    }

    fn previous(&self) -> Result<Option<Previous>, Corrupt> {
        match (&self.previous_check, self.previous_at) {
            (None, None) => Ok(None),
            (Some(check), Some(at)) => Ok(Some(Previous {
                check: self.check("previous_check", check)?,
                at: self.timestamp("previous_at", at)?,
            })),
            _ => Err(self.corrupt(
                "previous_at",
                "an earlier token without its instant, or the reverse",
            )),
        }
    }

    fn timestamp(&self, column: &'static str, at: i64) -> Result<Timestamp, Corrupt> {
        match at {
            i64::MAX => Ok(Timestamp::MAX),
            at => self.number(column, at).map(Timestamp::from_millis),
        }
    }

    fn number<T: TryFrom<i64>>(&self, column: &'static str, number: i64) -> Result<T, Corrupt> {
        T::try_from(number).map_err(|_| self.corrupt(column, "a number out of its range"))
    }

    fn check(&self, column: &'static str, bytes: &[u8]) -> Result<VerifierHash, Corrupt> {
        let bytes = <[u8; 16]>::try_from(bytes)
            .map_err(|_| self.corrupt(column, "another length than 16 bytes"))?;
        Ok(VerifierHash::from_bits(u128::from_be_bytes(bytes)))
    }

    fn corrupt(&self, column: &'static str, what: &'static str) -> Corrupt {
        Corrupt {
            column,
            session: reference(&self.key),
            what,
            source: None,
        }
    }
}

/// Returns what a log may show of the session with this key (law L9).
fn reference(key: &[u8]) -> String {
    match <[u8; 16]>::try_from(key) {
        Ok(key) => SessionRef::of(SessionKey::from_bytes(key)).to_string(),
        Err(_) => "with a key of another length".to_owned(),
    }
}

/// Converts an instant to a column's value. `Timestamp::MAX` is the largest
/// that fits.
pub(crate) fn instant(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// Converts a duration to a column's milliseconds.
pub(crate) fn length(duration: Duration) -> i64 {
    i64::try_from(as_millis(duration)).unwrap_or(i64::MAX)
}

fn check_bytes(check: VerifierHash) -> Vec<u8> {
    check.to_bits().to_be_bytes().to_vec()
}

/// Converts a reason to a column's code.
pub(crate) fn code(reason: EndReason) -> i16 {
    reason.code().into()
}
