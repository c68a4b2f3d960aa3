//! What a request brought along, whether it may go on, and what becomes of
//! its token.

use crate::engine::{self, Deadlines, TokenState, Verdict};
use crate::policy::Limits;
use crate::session::{EndedSession, Facts, SessionRecord, Token, VerifierHash};
use crate::time::Timestamp;

/// What a request brought along.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "made once per request, in place")]
pub enum Resolved {
    /// No session, or nothing that can be told of one.
    Nothing,
    /// A session that has not been ended.
    Session(ResolvedSession),
    /// The right token of an ended session, at this instant by the store's
    /// clock.
    Tombstone(EndedSession, Timestamp),
}

/// A session that a request brought along.
#[derive(Debug)]
pub struct ResolvedSession {
    /// The session as the store gave it.
    pub record: SessionRecord,
    /// The store's clock at the look-up: the instant of the request.
    pub now: Timestamp,
    /// The token that the request came with; `None` for a foreign session.
    pub token: Option<Token>,
    /// What that token is to the session.
    pub token_state: TokenState,
}

/// Whether a request may go on, as far as its session is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It has no session. Whether it needs one is for the route to say.
    Anonymous,
    /// Its session's verdict.
    Session(Verdict),
}

/// What becomes of the client's token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenChange {
    /// The client gets this one.
    Issue(Token),
    /// Nothing.
    #[default]
    Keep,
    /// The client's copy is removed.
    Remove,
}

impl Resolved {
    /// The same, where it stands.
    #[must_use]
    pub fn as_shown(&self) -> Shown<'_> {
        match self {
            Self::Nothing => Shown::Nothing,
            Self::Session(session) => Shown::Session {
                record: &session.record,
                now: session.now,
                token: session.token.as_ref(),
                token_state: session.token_state,
            },
            Self::Tombstone(ended, now) => Shown::Tombstone(ended, *now),
        }
    }
}

/// What a request brought along, where it stands: a [`Resolved`] is moved
/// several times on its way into a handle, which takes some 50 instructions each.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// See [`Resolved::Nothing`].
    Nothing,
    /// See [`Resolved::Session`].
    Session {
        /// See [`ResolvedSession`].
        record: &'a SessionRecord,
        /// See [`ResolvedSession`].
        now: Timestamp,
        /// See [`ResolvedSession`].
        token: Option<&'a Token>,
        /// See [`ResolvedSession`].
        token_state: TokenState,
    },
    /// See [`Resolved::Tombstone`].
    Tombstone(&'a EndedSession, Timestamp),
}

impl Shown<'_> {
    /// Decides by the limits that are in force for a session of these facts.
    pub(crate) fn admission(self, limits: impl FnOnce(&Facts) -> Limits) -> Admission {
        match self {
            Self::Nothing => Admission::Anonymous,
            Self::Tombstone(ended, _) => Admission::Session(Verdict::Ended(ended.reason)),
            Self::Session { record, now, .. } => {
                let facts = &record.facts;
                Admission::Session(engine::decide(facts, &limits(facts), now))
            }
        }
    }
}

impl From<Shown<'_>> for Resolved {
    #[inline(always)]
    fn from(shown: Shown<'_>) -> Self {
        match shown {
            Shown::Nothing => Self::Nothing,
            Shown::Session {
                record,
                now,
                token,
                token_state,
            } => Self::Session(ResolvedSession {
                record: record.clone(),
                now,
                token: token.cloned(),
                token_state,
            }),
            Shown::Tombstone(ended, now) => Self::Tombstone(ended.clone(), now),
        }
    }
}

impl Admission {
    /// The deadlines, while there are any.
    #[must_use]
    pub fn deadlines(&self) -> Option<&Deadlines> {
        match self {
            Self::Session(verdict) => verdict.deadlines(),
            Self::Anonymous => None,
        }
    }
}

impl ResolvedSession {
    /// The check of the token that the request came with.
    pub(crate) fn presented_verifier(&self) -> VerifierHash {
        self.token.as_ref().map_or(VerifierHash::NONE, Token::check)
    }
}
