//! Describes sessions that another middleware owns.

use crate::session::{AuthenticationContext, SessionKey, SubjectId};
use crate::time::Timestamp;

/// The longest issuer and the longest id, in bytes.
const LONGEST: usize = 1_024;

/// The longest reference, in bytes. Class and methods need room beside it.
pub(super) const LONGEST_REFERENCE: usize = 512;

/// Describes a session that another middleware owns, by one proof of it, such
/// as a verified JWT. Dwell adopts the session: it keeps timestamps for it and
/// enforces the limits.
///
/// Issuer, id and subject name the session. Another subject under the same id
/// is another session. Nothing is invented: a session whose authentication time
/// is not stated is never fresh for privileged routes.
///
/// ```
/// use dwell_core::{AdoptedSession, Timestamp};
///
/// // From the claims of a verified JWT:
/// let (iss, sid, sub) = ("https://id.example", "f3a9c1", "alice");
/// let (auth_time, iat) = (1_767_225_600, 1_767_229_200);
/// let session = AdoptedSession::new(iss, sid, sub)
///     .with_authenticated_at(Timestamp::from_seconds(auth_time))
///     .with_issued_at(Timestamp::from_seconds(iat));
/// assert!(session.is_sane());
/// ```
#[derive(Clone, Debug)]
pub struct AdoptedSession {
    pub(super) issuer: Box<str>,
    pub(super) id: Box<[u8]>,
    pub(super) subject: SubjectId,
    pub(super) policy: Option<Box<str>>,
    pub(super) reference: Option<Box<str>>,
    pub(super) authenticated_at: Option<Timestamp>,
    pub(super) issued_at: Option<Timestamp>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) authentication: AuthenticationContext,
}

impl AdoptedSession {
    /// Describes the session of `subject` that `issuer` knows by `id`.
    ///
    /// The id stands for one login and stays the same in all proofs of it, such
    /// as the `sid` of an ID token. Never use a `jti`: each refresh has another
    /// one. The id must be unguessable, or part of a verified proof. Issuer and id
    /// have 1 to 1,024 bytes each. Stores keep only a hash of both.
    pub fn new(
        issuer: impl Into<Box<str>>,
        id: impl AsRef<[u8]>,
        subject: impl Into<SubjectId>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            id: id.as_ref().into(),
            subject: subject.into(),
            policy: None,
            reference: None,
            authenticated_at: None,
            issued_at: None,
            expires_at: None,
            authentication: AuthenticationContext::none(),
        }
    }

    /// Describes the session of an issuer that states no session id: the instant at
    /// which the subject authenticated stands for it. Two logins of a subject
    /// within one second are one session then.
    ///
    /// ```
    /// use dwell_core::{AdoptedSession, Timestamp};
    ///
    /// let login = |auth_time| {
    ///     let at = Timestamp::from_seconds(auth_time);
    ///     AdoptedSession::by_authentication("https://id.example", at, "alice")
    /// };
    /// assert_eq!(login(1_767_225_600).key(), login(1_767_225_600).key());
    /// assert_ne!(login(1_767_225_600).key(), login(1_767_225_601).key());
    /// ```
    pub fn by_authentication(
        issuer: impl Into<Box<str>>,
        authenticated_at: Timestamp,
        subject: impl Into<SubjectId>,
    ) -> Self {
        let seconds = authenticated_at.as_seconds();
        // No `sid` is mistaken for it: an issuer states one or the other.
        let id = format!("auth_time={seconds}");
        Self::new(issuer, id, subject).with_authenticated_at(authenticated_at)
    }

    /// Sets when the subject authenticated (`auth_time`): the absolute timeout and
    /// the age of the authentication count from then. Defaults to unknown: the
    /// session is never fresh then, and its absolute timeout counts from the
    /// instant that [`with_issued_at`](Self::with_issued_at) sets. More than a
    /// minute ahead of the store's clock is corrupt: the session has then run out.
    #[must_use]
    pub fn with_authenticated_at(mut self, at: Timestamp) -> Self {
        self.authenticated_at = Some(at);
        self
    }

    /// Sets when this proof was issued (`iat`): the first idle deadline counts from
    /// then, and later proofs are told from earlier ones. Never stands for the
    /// authentication time. Defaults to the session's first request. More than a
    /// minute ahead of the store's clock is corrupt: the session has then run out.
    #[must_use]
    pub fn with_issued_at(mut self, at: Timestamp) -> Self {
        self.issued_at = Some(at);
        self
    }

    /// Sets when the owner ends the *session*. At that instant it ends with
    /// [`EndReason::IdpSessionExpired`](crate::EndReason::IdpSessionExpired), if no
    /// limit of the policy comes first. Defaults to never. Not the `exp` of an
    /// access token that is refreshed: the session outlives it.
    #[must_use]
    pub fn with_expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Sets how the subject authenticated (`acr`, `amr`). Defaults to nothing
    /// stated. Class and methods that exceed about a kilobyte together count as
    /// not stated.
    #[must_use]
    pub fn with_authentication(mut self, context: AuthenticationContext) -> Self {
        self.authentication = context;
        self
    }

    /// Sets the policy that the session is adopted under, by its name in the policy
    /// set. Defaults to `default`. If no policy has this name, the request is
    /// answered with 500.
    #[must_use]
    pub fn with_policy(mut self, policy: impl Into<Box<str>>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    /// Sets what the owner knows the session by, for
    /// [`on_owner_end`](crate::SessionManagerBuilder::on_owner_end). The store keeps it
    /// as it is, so it must not open the owner's session: a `sid` does not. At most
    /// 512 bytes; a longer one counts as none. Defaults to none: the owner is not told.
    #[must_use]
    pub fn with_reference(mut self, reference: impl Into<Box<str>>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// Returns the key under which stores keep the session: a hash of issuer, id
    /// and subject.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        let subject = self.subject.as_str().as_bytes();
        let mut name = Vec::with_capacity(16 + self.issuer.len() + self.id.len() + subject.len());
        // With their lengths, so that no two names are the same bytes.
        for part in [self.issuer.as_bytes(), &self.id] {
            name.extend_from_slice(&(part.len() as u64).to_be_bytes());
            name.extend_from_slice(part);
        }
        name.extend_from_slice(subject);
        SessionKey::adopted(&name)
    }

    /// Returns `true` if issuer and id have 1 to 1,024 bytes and the subject is
    /// usable ([`SubjectId::is_usable`]). Layers ignore other sessions.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        let fits = |length| (1..=LONGEST).contains(&length);
        fits(self.issuer.len()) && fits(self.id.len()) && self.subject.is_usable()
    }

    /// Returns since when the session exists, as far as the proof tells.
    pub(super) fn began(&self) -> Option<Timestamp> {
        self.authenticated_at.or(self.issued_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n98_key_covers_issuer_id_and_subject() {
        let names = [
            ("a", "b", "c"),
            ("b", "a", "c"),
            ("a", "c", "b"),
            ("ab", "c", "d"),
            ("a", "bc", "d"),
            ("a", "b", "cd"),
        ];
        for (n, one) in names.iter().enumerate() {
            for (m, other) in names.iter().enumerate() {
                let key = |(issuer, id, subject): (&str, &str, &str)| {
                    AdoptedSession::new(issuer, id, subject).key()
                };
                assert_eq!(key(*one) == key(*other), n == m, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn issuer_and_id_of_1_to_1024_bytes_are_usable() {
        let long = "x".repeat(LONGEST);
        let longer = "x".repeat(LONGEST + 1);
        let is_sane = |issuer: &str, id: &str| AdoptedSession::new(issuer, id, "alice").is_sane();
        assert!(is_sane("i", "x") && is_sane(&long, &long));
        for (issuer, id) in [("", "x"), ("i", ""), (longer.as_str(), "x"), ("i", &longer)] {
            assert!(!is_sane(issuer, id));
        }
        assert!(!AdoptedSession::new("i", "x", "").is_sane());
    }
}
