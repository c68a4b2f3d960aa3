//! The session that a request came with, and what happens to its token.

use std::time::Duration;

use crate::engine::{TokenState, Verdict, decide, judge_token};
use crate::policy::{NetworkMatch, PolicySet};
use crate::session::{EndReason, EndedSession, Presented, SessionRecord, Token};
use crate::store::{Loaded, Lookup};
use crate::time::Timestamp;

/// What a request's token, or its adopted session, resolved to in the store.
#[derive(Clone, Debug, Default)]
#[allow(clippy::large_enum_variant, reason = "made once per request, in place")]
#[allow(
    clippy::exhaustive_enums,
    reason = "every caller must decide on each case"
)]
pub enum Resolved {
    /// No session, or none that the client may know about. The default.
    #[default]
    Nothing,
    /// A session that has not been ended. It may have run out.
    Session(ResolvedSession),
    /// An ended session whose token is right, and the store's time at the
    /// look-up.
    Tombstone(EndedSession, Timestamp),
}

/// The session that a request came with.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "layers construct it")]
pub struct ResolvedSession {
    /// The session as the store returned it.
    pub record: SessionRecord,
    /// The store's time at the look-up: the instant of the request.
    pub now: Timestamp,
    /// What is kept of the token that the request came with.
    pub presented: Presented,
    /// How that token relates to the session.
    pub token_state: TokenState,
}

/// What the answer does to the client's token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenChange {
    /// Gives the client this token.
    Issue(Token),
    /// Leaves the client's token as it is. The default.
    #[default]
    Keep,
    /// Removes the client's token.
    Remove,
}

impl Resolved {
    /// Replaces this by what the store has under a token's key, if that is better:
    /// a live session before one that has run out, before a tombstone, before
    /// nothing. Returns how the token relates to its session. `grace` is how long a
    /// superseded token stays valid.
    ///
    /// Only the holder of the right token learns that a session has ended.
    #[inline]
    pub(super) fn try_token(
        &mut self,
        token: &Token,
        loaded: &Loaded,
        grace: Duration,
    ) -> TokenState {
        let now = loaded.now;
        let presented = token.presented();
        let verifier = presented.verifier();
        match &loaded.state {
            Lookup::Found(record) if !record.credential.is_adopted() => {
                let token_state = judge_token(&record.credential, verifier, grace, now);
                let is_better = match token_state {
                    TokenState::Unknown => false,
                    TokenState::Reused => true,
                    _ => !record.facts.has_run_out(now) || !matches!(self, Self::Session(_)),
                };
                if is_better {
                    *self = Self::Session(ResolvedSession {
                        record: record.clone(),
                        now,
                        presented,
                        token_state,
                    });
                    if let Self::Session(session) = self
                        && matches!(token_state, TokenState::Grace | TokenState::LostSuccessor)
                    {
                        session.record.step_back();
                    }
                }
                token_state
            }
            Lookup::Ended(ended)
                if ended.record.credential.knows(verifier) && matches!(self, Self::Nothing) =>
            {
                *self = Self::Tombstone(ended.clone(), now);
                TokenState::Unknown
            }
            Lookup::Ended(_) | Lookup::Found(_) | Lookup::Missing => TokenState::Unknown,
        }
    }

    /// Resolves an adopted session by what the store has under its key. The
    /// owner has verified the request.
    #[must_use]
    pub fn by_owner(loaded: Loaded) -> Self {
        let Loaded { now, state } = loaded;
        match state {
            Lookup::Missing => Self::Nothing,
            Lookup::Ended(ended) => Self::Tombstone(ended, now),
            Lookup::Found(record) => Self::Session(ResolvedSession {
                record,
                now,
                presented: Presented::NONE,
                token_state: TokenState::Current { confirm: false },
            }),
        }
    }

    /// Decides by the limits in force.
    pub(crate) fn verdict(&self, policies: &PolicySet, network: NetworkMatch) -> Verdict {
        match self {
            Self::Nothing => Verdict::Anonymous,
            Self::Tombstone(ended, _) => Verdict::Ended(ended.reason),
            Self::Session(ResolvedSession { record, now, .. }) => {
                let facts = &record.facts;
                let limits = policies.limits(facts.policy, facts.network, network);
                decide(facts, &limits, *now)
            }
        }
    }
}

impl ResolvedSession {
    /// Returns `true` if no recorded deadline has passed. Before the client's
    /// network and the route are known, nothing more can be decided.
    #[inline]
    #[must_use]
    pub fn goes_on(&self) -> bool {
        !self.record.facts.has_run_out(self.now)
    }

    /// Returns this session as a tombstone that ended for `reason`.
    #[must_use]
    pub fn into_tombstone(self, reason: EndReason) -> Resolved {
        let ended = EndedSession {
            record: self.record,
            reason,
            ended_at: self.now,
            replaced: false,
        };
        Resolved::Tombstone(ended, self.now)
    }
}
