//! What a session's authentication was before the last one: an entry of the
//! record's open part.
//!
//! A re-authentication replaces the token. The old token stays valid for a
//! moment, and a thief must not gain by the authentication (law L10,
//! N64).

use std::time::Duration;

use super::{AuthenticationContext, OpenTag, SessionRecord};
use crate::time::{Timestamp, as_millis};

/// The rights of a token that was replaced by a re-authentication.
struct EarlierRights {
    authenticated_at: Timestamp,
    longest_pause: Duration,
    context: Option<AuthenticationContext>,
}

/// Bytes of an entry before the context: three numbers.
const HEAD: usize = 24;

impl SessionRecord {
    /// Keeps the rights of `before`, this session before a re-authentication at
    /// `at`, for the token that it replaces.
    pub(crate) fn keep_rights_before(&mut self, at: Timestamp, before: &Self) {
        let mut entry = Vec::with_capacity(HEAD);
        let pause = as_millis(before.facts.longest_pause);
        for number in [
            at.as_millis(),
            before.facts.authenticated_at.as_millis(),
            pause,
        ] {
            entry.extend_from_slice(&number.to_be_bytes());
        }
        let context = before.open.get(OpenTag::AUTHENTICATION).unwrap_or_default();
        let tag = OpenTag::EARLIER_RIGHTS;
        let kept = self.open.with(tag, &[&entry, context].concat());
        // Without room the token loses its class and methods, or all rights.
        let kept = kept.or_else(|_| self.open.with(tag, &entry));
        self.open = kept.unwrap_or_else(|_| self.open.without(tag));
    }

    /// Takes back what a re-authentication gave, if the session's token was
    /// replaced by it: for a request with the old token.
    pub(crate) fn step_back(&mut self) {
        let at = self.facts.authenticated_at;
        if self
            .credential
            .previous
            .is_none_or(|previous| at < previous.at)
        {
            return;
        }
        let earlier = self.open.get(OpenTag::EARLIER_RIGHTS);
        let earlier = earlier.and_then(|entry| EarlierRights::decode(entry, at));
        let earlier = earlier.unwrap_or(EarlierRights::NONE);
        self.facts.authenticated_at = earlier.authenticated_at;
        self.facts.longest_pause = earlier.longest_pause;
        let context = earlier.context.unwrap_or_default();
        let open = self.open.with_authentication(&context);
        self.open = open.unwrap_or_else(|_| self.open.without(OpenTag::AUTHENTICATION));
    }
}

impl EarlierRights {
    /// No rights but that the session goes on.
    const NONE: Self = Self {
        authenticated_at: Timestamp::from_millis(1),
        longest_pause: Duration::MAX,
        context: None,
    };

    /// Reads an entry. Returns `None` if it was written for another
    /// re-authentication than the one at `at`, such as by an older version.
    fn decode(entry: &[u8], at: Timestamp) -> Option<Self> {
        let mut rest = entry;
        let mut number = || {
            let (bytes, after) = rest.split_first_chunk()?;
            rest = after;
            Some(u64::from_be_bytes(*bytes))
        };
        let [of, authenticated_at, pause] = [number()?, number()?, number()?];
        (of == at.as_millis()).then(|| Self {
            authenticated_at: Timestamp::from_millis(authenticated_at),
            longest_pause: Duration::from_millis(pause),
            context: AuthenticationContext::decode(rest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Touch;
    use crate::session::{Credential, Facts, NetworkId, OpenPart, PolicyId, Token};
    use crate::store::{Rotation, Update};
    use crate::time::{hours, minutes};

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    fn record(token: &Token, open: OpenPart) -> SessionRecord {
        let facts = Facts {
            created_at: START,
            last_active_at: START,
            authenticated_at: START,
            idle_deadline: START + hours(1),
            absolute_deadline: START + hours(8),
            provider_deadline: None,
            locked_at: None,
            longest_pause: minutes(3),
            failures: 0,
            policy: PolicyId::DEFAULT,
            network: NetworkId::NONE,
            version: 0,
        };
        SessionRecord {
            key: token.key(),
            subject: "alice".into(),
            facts,
            credential: Credential::new(token.verifier()),
            open,
        }
    }

    fn otp() -> AuthenticationContext {
        AuthenticationContext::none()
            .with_acr("aal2")
            .with_amr(["otp"])
    }

    /// Re-authenticates with a code at `at`.
    fn reauthenticate(record: &mut SessionRecord, open: OpenPart, at: Timestamp) {
        let token = Token::generate().unwrap();
        let presented = record.credential.check;
        let update = Update::Reauthenticate {
            open,
            touch: Touch {
                at,
                network: NetworkId::NONE,
                idle_deadline: at + hours(1),
                retried: false,
            },
            lock_period: Duration::ZERO,
            rotation: Some(Rotation {
                check: token.verifier(),
                presented,
                at,
            }),
        };
        assert!(record.update(&update, at));
    }

    #[test]
    fn n64_old_token_has_rights_of_before() {
        let password = AuthenticationContext::none()
            .with_acr("aal1")
            .with_amr(["pwd"]);
        let open = OpenPart::new().with_authentication(&password).unwrap();
        let mut record = record(&Token::generate().unwrap(), open.clone());
        let at = START + minutes(10);
        reauthenticate(&mut record, open.with_authentication(&otp()).unwrap(), at);
        assert_eq!(record.facts.authenticated_at, at);
        assert_eq!(record.authentication(), Some(otp()));
        record.step_back();
        assert_eq!(record.facts.authenticated_at, START);
        assert_eq!(record.facts.longest_pause, minutes(3));
        assert_eq!(record.authentication(), Some(password));
    }

    #[test]
    fn n64_rotation_without_authentication_takes_nothing_back() {
        let open = OpenPart::new().with_authentication(&otp()).unwrap();
        let mut record = record(&Token::generate().unwrap(), open);
        let rotation = Rotation {
            check: Token::generate().unwrap().verifier(),
            presented: record.credential.check,
            at: START + minutes(1),
        };
        assert!(record.update(&Update::Rotate(rotation), START + minutes(1)));
        let before = record.clone();
        record.step_back();
        assert_eq!(record, before);
    }

    #[test]
    fn n64_without_room_old_token_has_no_rights() {
        let long = AuthenticationContext::none().with_acr("x".repeat(1_000));
        let open = OpenPart::new().with_authentication(&long).unwrap();
        let mut record = record(&Token::generate().unwrap(), open.clone());
        reauthenticate(&mut record, open, START + minutes(10));
        record.step_back();
        assert_eq!(record.facts.authenticated_at, Timestamp::from_millis(1));
        assert_eq!(record.facts.longest_pause, Duration::MAX);
        assert_eq!(record.authentication(), None);
    }

    #[test]
    fn n64_entry_of_another_authentication_does_not_count() {
        let open = OpenPart::new().with_authentication(&otp()).unwrap();
        let mut record = record(&Token::generate().unwrap(), open.clone());
        reauthenticate(&mut record, open, START + minutes(10));
        // As a node of an older version leaves it.
        let stale = record.open.clone();
        reauthenticate(&mut record, OpenPart::new(), START + minutes(20));
        record.open = stale;
        record.step_back();
        assert_eq!(record.facts.authenticated_at, Timestamp::from_millis(1));
    }
}
