//! What a request brought along, and what happens to its token.

use std::time::Duration;

use crate::engine::{TokenState, Verdict, decide, judge_token};
use crate::policy::{NetworkMatch, PolicySet};
use crate::session::{EndReason, EndedSession, SessionRecord, Token, VerifierHash};
use crate::store::{Loaded, Lookup};
use crate::time::Timestamp;

/// What a request brought along, as far as the store knows it.
#[derive(Clone, Debug, Default)]
#[allow(clippy::large_enum_variant, reason = "made once per request, in place")]
pub enum Resolved {
    /// No session, or nothing that the client may learn of one.
    #[default]
    Nothing,
    /// A session that has not been ended.
    Session(ResolvedSession),
    /// The right token of an ended session, at this instant by the store's
    /// clock.
    Tombstone(EndedSession, Timestamp),
}

/// A session that a request brought along.
#[derive(Clone, Debug)]
pub struct ResolvedSession {
    /// The session as the store gave it.
    pub record: SessionRecord,
    /// The store's clock at the look-up: the instant of the request.
    pub now: Timestamp,
    /// The token that the request came with; `None` for an adopted session.
    pub token: Option<Token>,
    /// What that token is to the session.
    pub token_state: TokenState,
}

/// What happens to the client's token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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
    /// Judges a presented token by what the store has under its key.
    ///
    /// Only the holder of the right token learns that a session has ended. A
    /// token in the state [`Reused`](TokenState::Reused) opens nothing: the
    /// caller ends the session.
    #[must_use]
    pub fn by_token(token: Token, loaded: Loaded, grace: Duration) -> Self {
        let Loaded { now, state } = loaded;
        let presented = token.verifier();
        match state {
            Lookup::Found(record) if !record.credential.is_adopted() => {
                match judge_token(&record.credential, presented, grace, now) {
                    TokenState::Unknown => Self::Nothing,
                    token_state => Self::Session(ResolvedSession {
                        record,
                        now,
                        token: Some(token),
                        token_state,
                    }),
                }
            }
            Lookup::Ended(ended) if ended.record.credential.knows(presented) => {
                Self::Tombstone(ended, now)
            }
            Lookup::Ended(_) | Lookup::Found(_) | Lookup::Missing => Self::Nothing,
        }
    }

    /// Takes what the store has of a session whose owner has proved it.
    #[must_use]
    pub fn by_owner(loaded: Loaded) -> Self {
        let Loaded { now, state } = loaded;
        match state {
            Lookup::Missing => Self::Nothing,
            Lookup::Ended(ended) => Self::Tombstone(ended, now),
            Lookup::Found(record) => Self::Session(ResolvedSession {
                record,
                now,
                token: None,
                token_state: TokenState::Current { confirm: false },
            }),
        }
    }

    /// Decides by the limits in force.
    pub(crate) fn verdict(
        &self,
        policies: &PolicySet,
        overlays: u64,
        network: NetworkMatch,
    ) -> Verdict {
        match self {
            Self::Nothing => Verdict::Anonymous,
            Self::Tombstone(ended, _) => Verdict::Ended(ended.reason),
            Self::Session(ResolvedSession { record, now, .. }) => {
                let facts = &record.facts;
                let limits = policies.limits(facts.policy, overlays, facts.network, network);
                decide(facts, &limits, *now)
            }
        }
    }
}

impl ResolvedSession {
    /// Tells whether no recorded deadline has passed, which is all that can be
    /// told before the client's network and the route are known.
    #[inline]
    #[must_use]
    pub fn goes_on(&self) -> bool {
        !self.record.facts.has_run_out(self.now)
    }

    /// Returns the tombstone of this session as ended for `reason`.
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

    /// The hash of the token that the request came with.
    pub(crate) fn presented_verifier(&self) -> VerifierHash {
        self.token
            .as_ref()
            .map_or(VerifierHash::NONE, Token::verifier)
    }
}
