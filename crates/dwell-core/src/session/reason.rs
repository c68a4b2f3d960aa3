//! Why a session ended.

use std::fmt;

use serde::{Serialize, Serializer};

/// Makes the enum, its words and its codes from one list.
macro_rules! end_reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $word:literal;)+) => {
        /// Why a session ended. Each reason has a word in answers and events,
        /// and a code in stores.
        ///
        /// Later versions may add reasons. A node that finds an unknown code in
        /// a shared store treats the session as ended, for the reason
        /// [`Other`](Self::Other).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum EndReason {
            $($(#[doc = $doc])+ $name = $code,)+
            /// A newer version of Dwell ended the session, for a reason that
            /// this version does not know. Never written to a store.
            Other = u8::MAX,
        }

        impl EndReason {
            /// Every reason for which this version ends sessions. Later
            /// versions may add more.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the reason's word in answers and events, such as
            /// `idle_timeout`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                    Self::Other => "other",
                }
            }

            /// Returns the code that stores keep. It is never 0 and never
            /// changes.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// Reads the code that a store kept. Returns `None` for 0, which
            /// stands for a session that has not ended, and
            /// [`Other`](Self::Other) for an unknown code. So a session that a
            /// newer version has ended stays ended.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    0 => None,
                    $($code => Some(Self::$name),)+
                    _ => Some(Self::Other),
                }
            }

            /// Returns `true` if time ended the session, and `false` if somebody
            /// did. A request that was admitted before a timeout finishes; after
            /// every other end nothing more happens on the session's behalf.
            #[must_use]
            pub const fn is_timeout(self) -> bool {
                matches!(
                    self,
                    Self::AbsoluteTimeout | Self::IdleTimeout | Self::IdpSessionExpired
                )
            }

            /// Reads the word of a reason. Returns `None` for any other text.
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

// Codes never change, and the code of a removed reason is not used again.
// Codes from 200 on are never assigned.
end_reasons! {
        /// The absolute deadline passed.
    AbsoluteTimeout = 1, "absolute_timeout";
        /// The identity provider ended its session.
    IdpLogout = 2, "idp_logout";
        /// The identity provider's own limit passed.
    IdpSessionExpired = 3, "idp_session_expired";
        /// The idle deadline passed.
    IdleTimeout = 4, "idle_timeout";
        /// Re-authentication failed too often in a row.
    ReauthenticationFailed = 5, "reauthentication_failed";
        /// An administrator ended the session, or the subject did by revoking it.
    Revoked = 6, "revoked";
        /// The subject signed out.
    SignedOut = 7, "signed_out";
        /// A newer session replaced it: a new login, or one beyond the limit.
    Superseded = 8, "superseded";
        /// A superseded token was used after its successor.
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
    fn n44_reasons_have_distinct_words_and_parse_back() {
        let words: HashSet<_> = EndReason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(words.len(), EndReason::ALL.len());
        for reason in EndReason::ALL.iter().copied().chain([EndReason::Other]) {
            assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
            assert_eq!(EndReason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(EndReason::parse("Idle_Timeout"), None);
    }

    /// Stores in production hold these codes.
    #[test]
    fn reason_codes_never_change() {
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
        assert!(codes.iter().all(|(code, reason)| reason.code() == *code));
    }

    #[test]
    fn l04_unknown_reason_code_is_an_end() {
        for code in 1..=u8::MAX {
            let reason = EndReason::from_code(code).unwrap();
            let is_known = EndReason::ALL.iter().any(|known| known.code() == code);
            assert_eq!(reason == EndReason::Other, !is_known, "{code}");
        }
        assert_eq!(EndReason::from_code(0), None);
    }
}
