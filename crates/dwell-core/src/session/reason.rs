//! Why a session ended.

use std::fmt;

use serde::{Serialize, Serializer};

/// Why a session ended. Each cause keeps its own word, in answers, events
/// and stores alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// It passed its absolute deadline.
    AbsoluteTimeout,
    /// The identity provider said that its session ended.
    IdpLogout,
    /// The identity provider's own limit passed.
    IdpSessionExpired,
    /// It passed its idle deadline.
    IdleTimeout,
    /// Re-authentication failed too often.
    ReauthenticationFailed,
    /// An administrator, or the subject from another session, ended it.
    Revoked,
    /// The subject signed out.
    SignedOut,
    /// A newer session took its place.
    Superseded,
    /// A superseded token came back after its successor had been used.
    TokenReuse,
}

impl EndReason {
    /// Every reason, for stores that keep a number and for tests.
    pub const ALL: [Self; 9] = [
        Self::AbsoluteTimeout,
        Self::IdpLogout,
        Self::IdpSessionExpired,
        Self::IdleTimeout,
        Self::ReauthenticationFailed,
        Self::Revoked,
        Self::SignedOut,
        Self::Superseded,
        Self::TokenReuse,
    ];

    /// The word for it in answers and events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AbsoluteTimeout => "absolute_timeout",
            Self::IdpLogout => "idp_logout",
            Self::IdpSessionExpired => "idp_session_expired",
            Self::IdleTimeout => "idle_timeout",
            Self::ReauthenticationFailed => "reauthentication_failed",
            Self::Revoked => "revoked",
            Self::SignedOut => "signed_out",
            Self::Superseded => "superseded",
            Self::TokenReuse => "token_reuse",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == word)
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for EndReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn n44_every_reason_has_a_word_of_its_own_and_reads_back() {
        let words: HashSet<_> = EndReason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(words.len(), EndReason::ALL.len());
        for reason in EndReason::ALL {
            assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(EndReason::parse("Idle_Timeout"), None);
    }
}
