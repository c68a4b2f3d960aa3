//! Why a session ended.

use std::fmt;

use serde::{Serialize, Serializer};

/// Makes the enum and all that is said of each reason, from one list.
macro_rules! end_reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $word:literal;)+) => {
        /// Why a session ended. Each cause keeps its own word in answers and
        /// events, and its own code in stores.
        ///
        /// A later version may know more reasons. A node that finds a code
        /// which it does not know in a shared store treats the session as
        /// ended, and calls the reason [`Other`](Self::Other).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum EndReason {
            $($(#[doc = $doc])+ $name = $code,)+
            /// A newer version of Dwell has ended the session, for a reason
            /// that this one has no word for. Never recorded by Dwell itself.
            Other = u8::MAX,
        }

        impl EndReason {
            /// Every reason that this version ends sessions for.
            pub const ALL: [Self; [$($code),+].len()] = [$(Self::$name),+];

            /// Returns the word for it in answers and events.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                    Self::Other => "other",
                }
            }

            /// Returns the code that stores keep: never 0, and never another
            /// one in a later version.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// Reads the code that a store kept: `None` for 0, by which stores
            /// mark a session that has not ended, and [`Other`](Self::Other)
            /// for a code that this version does not know. So what a newer
            /// version has ended stays ended, and gets no false reason.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    0 => None,
                    $($code => Some(Self::$name),)+
                    _ => Some(Self::Other),
                }
            }

            /// Reads the word back.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$name),)+
                    "other" => Some(Self::Other),
                    _ => None,
                }
            }
        }
    };
}

// Codes are forever: that of a reason that is gone is not used again. Codes
// from 200 on are never given out.
end_reasons! {
    /// It passed its absolute deadline.
    AbsoluteTimeout = 1, "absolute_timeout";
    /// The identity provider said that its session ended.
    IdpLogout = 2, "idp_logout";
    /// The identity provider's own limit passed.
    IdpSessionExpired = 3, "idp_session_expired";
    /// It passed its idle deadline.
    IdleTimeout = 4, "idle_timeout";
    /// Re-authentication failed too often.
    ReauthenticationFailed = 5, "reauthentication_failed";
    /// An administrator, or the subject from another session, ended it.
    Revoked = 6, "revoked";
    /// The subject signed out.
    SignedOut = 7, "signed_out";
    /// A newer session took its place.
    Superseded = 8, "superseded";
    /// A superseded token came back after its successor had been used.
    TokenReuse = 9, "token_reuse";
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
        for reason in EndReason::ALL.into_iter().chain([EndReason::Other]) {
            assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
            assert_eq!(EndReason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(EndReason::parse("Idle_Timeout"), None);
    }

    /// Stores out there hold these.
    #[test]
    fn codes_of_reasons_are_forever() {
        use EndReason as R;
        let codes = [
            (1, R::AbsoluteTimeout),
            (2, R::IdpLogout),
            (3, R::IdpSessionExpired),
            (4, R::IdleTimeout),
            (5, R::ReauthenticationFailed),
            (6, R::Revoked),
            (7, R::SignedOut),
            (8, R::Superseded),
            (9, R::TokenReuse),
        ];
        assert_eq!(codes.map(|(_, reason)| reason), EndReason::ALL);
        assert_eq!(codes.map(|(code, _)| code), EndReason::ALL.map(R::code));
    }

    #[test]
    fn l04_code_of_a_newer_version_is_an_end() {
        for code in 1..=u8::MAX {
            let reason = EndReason::from_code(code).unwrap();
            let is_known = EndReason::ALL.iter().any(|known| known.code() == code);
            assert_eq!(reason == EndReason::Other, !is_known, "{code}");
        }
        assert_eq!(EndReason::from_code(0), None);
    }
}
