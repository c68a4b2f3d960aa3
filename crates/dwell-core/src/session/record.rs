//! What Dwell keeps of a session: facts for timeouts, and nothing else.

use std::time::Duration;

use crate::session::{
    EndReason, NetworkId, OpenPart, PolicyId, SessionKey, SubjectId, VerifierHash,
};
use crate::time::Timestamp;

/// The timestamped facts that decisions are made of.
///
/// All stamps are by the clock of the store that keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// When the session started: the login.
    pub created_at: Timestamp,
    /// The last activity on record.
    pub last_active_at: Timestamp,
    /// When the subject last proved who they are.
    pub authenticated_at: Timestamp,
    /// The idle deadline that was set with the last activity. A looser policy
    /// does not move it, a stricter one undercuts it.
    pub idle_deadline: Timestamp,
    /// The absolute deadline that was set at the start. Nothing moves it.
    pub absolute_deadline: Timestamp,
    /// The identity provider's own limit, where it stated one.
    pub provider_deadline: Option<Timestamp>,
    /// Since when the session is locked.
    pub locked_at: Option<Timestamp>,
    /// The longest pause between two recorded activities since the last
    /// authentication. Routes with a shorter idle timeout than the session's
    /// ask for authentication when it was longer than theirs.
    pub longest_pause: Duration,
    /// Failed re-authentications since the last good one.
    pub failures: u8,
    /// The policy that the session was started under.
    pub policy: PolicyId,
    /// The network of the last activity.
    pub network: NetworkId,
    /// Counts every change but touches; updates are compared against it.
    pub version: u32,
}

/// Which tokens open a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The current token's check.
    pub check: VerifierHash,
    /// Whether a request came with the current token: only then is its
    /// predecessor's return a sign of theft (law L10).
    pub confirmed: bool,
    /// The token before the current one.
    pub previous: Option<Previous>,
}

/// A superseded token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its check.
    pub check: VerifierHash,
    /// When it was superseded.
    pub at: Timestamp,
}

impl Credential {
    /// A first token.
    #[must_use]
    pub const fn new(check: VerifierHash) -> Self {
        Self {
            check,
            confirmed: true,
            previous: None,
        }
    }

    /// Tells whether this is the current token's or its predecessor's hash.
    #[must_use]
    pub fn knows(&self, presented: VerifierHash) -> bool {
        self.check == presented || self.previous.is_some_and(|p| p.check == presented)
    }

    /// Whether another middleware owns the session, so that no token of ours
    /// opens it.
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        self.check == VerifierHash::NONE
    }
}

/// A session as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Where the store finds it.
    pub key: SessionKey,
    /// Whose it is.
    pub subject: SubjectId,
    /// The facts.
    pub facts: Facts,
    /// Which tokens open it.
    pub credential: Credential,
    /// Rarely used facts, such as how the subject authenticated.
    pub open: OpenPart,
}

/// A tombstone: what remains of an ended session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// The session as it was at its end.
    pub record: SessionRecord,
    /// Why it ended.
    pub reason: EndReason,
    /// When its end was recorded.
    pub ended_at: Timestamp,
    /// Whether the same client got a new session in its place, so that a late
    /// answer must not remove that client's cookie.
    pub replaced: bool,
}
