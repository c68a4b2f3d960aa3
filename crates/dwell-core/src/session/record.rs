//! What a store keeps of a session.

use std::time::Duration;

use crate::session::{
    EndReason, NetworkId, OpenPart, PolicyId, SessionKey, SubjectId, VerifierHash,
};
use crate::time::Timestamp;

/// The facts that decisions are made from. All stamps are by the clock of the
/// store that keeps them.
///
/// Exhaustive, since stores construct it. New facts go into the
/// [`OpenPart`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "stores construct it")]
pub struct Facts {
    /// When the session started: the login.
    pub created_at: Timestamp,
    /// The last activity on record.
    pub last_active_at: Timestamp,
    /// When the subject last authenticated; [`Timestamp::MIN`] if nobody stated it.
    pub authenticated_at: Timestamp,
    /// The idle deadline that the last activity set. A looser policy does not
    /// move it; a stricter one applies before it.
    pub idle_deadline: Timestamp,
    /// The absolute deadline that the start set. Nothing moves it.
    pub absolute_deadline: Timestamp,
    /// The identity provider's own limit, if there is one.
    pub provider_deadline: Option<Timestamp>,
    /// Since when the session is locked, if it is.
    pub locked_at: Option<Timestamp>,
    /// The longest pause between two recorded activities since the last
    /// authentication. A route whose policy has an idle timeout no longer than
    /// this pause asks for authentication.
    pub longest_pause: Duration,
    /// Failed re-authentications since the last successful one.
    pub failures: u8,
    /// The policy that the session was started under.
    pub policy: PolicyId,
    /// The network of the last activity.
    pub network: NetworkId,
    /// Counts every change but touches, for compare-and-set. Wraps around.
    pub version: u32,
}

impl Facts {
    /// Returns `true` if it is on record when the subject authenticated. Otherwise no
    /// authentication is recent enough for anything (law L21).
    #[must_use]
    pub fn is_authentication_known(&self) -> bool {
        self.authenticated_at > Timestamp::MIN
    }
}

/// The tokens that give access to a session.
///
/// Exhaustive, since stores construct it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "stores construct it")]
pub struct Credential {
    /// The hash of the current token's verifier.
    pub check: VerifierHash,
    /// Whether a request has used the current token. Only then does a use of
    /// its predecessor mean that the predecessor was copied (law L10).
    pub confirmed: bool,
    /// The token before the current one, if there was one.
    pub previous: Option<Previous>,
}

/// A superseded token.
///
/// Exhaustive, since stores construct it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "stores construct it")]
pub struct Previous {
    /// The hash of the token's verifier.
    pub check: VerifierHash,
    /// When the token was superseded.
    pub at: Timestamp,
}

impl Credential {
    /// Returns the credential of a session with its first token.
    #[must_use]
    pub const fn new(check: VerifierHash) -> Self {
        Self {
            check,
            confirmed: true,
            previous: None,
        }
    }

    /// Returns `true` if this is the hash of the current token or of its
    /// predecessor.
    #[must_use]
    pub fn knows(&self, presented: VerifierHash) -> bool {
        self.check == presented || self.previous.is_some_and(|p| p.check == presented)
    }

    /// Returns `true` if another middleware owns the session, so that no token
    /// of Dwell gives access to it.
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        self.check == VerifierHash::NONE
    }
}

/// A session as a store keeps it.
///
/// Exhaustive, since stores construct it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "stores construct it")]
pub struct SessionRecord {
    /// The key of the session in the store.
    pub key: SessionKey,
    /// The subject that the session belongs to.
    pub subject: SubjectId,
    /// The facts that decisions are made from.
    pub facts: Facts,
    /// The tokens that give access to the session.
    pub credential: Credential,
    /// Rarely used facts, such as how the subject authenticated.
    pub open: OpenPart,
}

/// An ended session, also called a tombstone.
///
/// Exhaustive, since stores construct it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "stores construct it")]
pub struct EndedSession {
    /// The session as it was at its end.
    pub record: SessionRecord,
    /// Why the session ended.
    pub reason: EndReason,
    /// When the end was recorded, by the store's clock.
    pub ended_at: Timestamp,
    /// Whether the same client got a new session instead. A late answer must
    /// not remove that client's cookie then.
    pub replaced: bool,
}
