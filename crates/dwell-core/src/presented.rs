//! What a request brought along, whether it may go on, and what becomes of
//! its token.

use crate::engine::TokenVerdict;
use crate::reason::EndReason;
use crate::record::{EndedSession, SessionRecord};
use crate::time::Timestamp;
use crate::token::{Token, TokenCheck};
use crate::verdict::Verdict;

/// What a request brought along.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "made once per request, in place")]
pub enum Presented {
    /// No session, or nothing that can be told of one.
    Nothing,
    /// A session that has not been ended.
    Session(PresentedSession),
    /// The right token of an ended session, at this instant by the store's
    /// clock.
    Tombstone(EndedSession, Timestamp),
}

/// A session that a request brought along.
#[derive(Debug)]
pub struct PresentedSession {
    /// The session as the store gave it.
    pub record: SessionRecord,
    /// The store's clock at the look-up: the instant of the request.
    pub now: Timestamp,
    /// The token that the request came with; `None` for a foreign session.
    pub token: Option<Token>,
    /// What that token is to the session.
    pub standing: TokenVerdict,
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

impl PresentedSession {
    /// The check of the token that the request came with.
    pub(crate) fn presented_check(&self) -> TokenCheck {
        self.token
            .as_ref()
            .map_or(TokenCheck::FOREIGN, Token::check)
    }
}

impl Admission {
    /// The reason, when the session has ended.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        match self {
            Self::Session(Verdict::Ended(reason)) => Some(*reason),
            _ => None,
        }
    }
}
