//! Sessions that another middleware owns.

use crate::engine;
use crate::event::EventKind;
use crate::manager::SessionManager;
use crate::policy::NetworkMatch;
use crate::session::{
    AuthenticationContext, Credential, OpenPart, PolicyId, SessionKey, SessionRecord, SubjectId,
    VerifierHash,
};
use crate::store::{Created, Loaded, Lookup, StoreError};
use crate::time::Timestamp;

/// Describes a session that another middleware owns, such as a verified JWT.
/// Dwell adopts the session: it keeps timestamps for it and enforces the
/// limits.
///
/// State when the session was issued, where you can. Otherwise a token that
/// its owner still accepts after the tombstone is gone starts afresh.
///
/// ```
/// use dwell_core::{AdoptedSession, Timestamp};
///
/// // From the claims of a verified JWT:
/// let (sid, sub, iat, exp) = ("f3a9c1", "alice", 1_767_225_600, 1_767_229_200);
/// let session = AdoptedSession::new(sid, sub)
///     .with_issued_at(Timestamp::from_millis(iat * 1_000))
///     .with_expires_at(Timestamp::from_millis(exp * 1_000));
/// assert!(session.is_sane());
/// ```
#[derive(Clone, Debug)]
pub struct AdoptedSession {
    id: Box<[u8]>,
    subject: SubjectId,
    issued_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    authentication: AuthenticationContext,
}

impl AdoptedSession {
    /// Describes the session that its owner knows by `id`, of `subject`.
    ///
    /// The id must be unguessable or verified by the owner, such as a session
    /// id or the `sid` or `jti` of a verified token. It has 1 to 1,024 bytes
    /// and stands for one login of one subject. Stores keep only its hash.
    pub fn new(id: impl AsRef<[u8]>, subject: impl Into<SubjectId>) -> Self {
        Self {
            id: id.as_ref().into(),
            subject: subject.into(),
            issued_at: None,
            expires_at: None,
            authentication: AuthenticationContext::none(),
        }
    }

    /// Sets when the subject authenticated: the absolute timeout and the age
    /// of the authentication count from then. Defaults to the session's first
    /// request. More than a minute ahead of the store's clock is corrupt: the
    /// session has then run out.
    #[must_use]
    pub fn with_issued_at(mut self, at: Timestamp) -> Self {
        self.issued_at = Some(at);
        self
    }

    /// Sets when its owner ends the session. At that instant it ends with
    /// [`EndReason::IdpSessionExpired`](crate::EndReason::IdpSessionExpired).
    /// Defaults to never.
    #[must_use]
    pub fn with_expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Sets how the subject authenticated. Defaults to nothing stated. Class
    /// and methods that exceed about a kilobyte together count as not stated.
    #[must_use]
    pub fn with_authentication(mut self, context: AuthenticationContext) -> Self {
        self.authentication = context;
        self
    }

    /// Returns the key under which stores keep the session. With it the owner
    /// can end Dwell's part: [`SessionManager::end_session`].
    #[must_use]
    pub fn key(&self) -> SessionKey {
        SessionKey::adopted(&self.id)
    }

    /// Returns `true` if the id has 1 to 1,024 bytes and the subject is usable
    /// ([`SubjectId::is_usable`]). Layers ignore other sessions.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        (1..=1_024).contains(&self.id.len()) && self.subject.is_usable()
    }
}

impl SessionManager {
    /// Looks up a session that another middleware owns. Creates it at its
    /// first request, and reports `session_created` then.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn adopt(
        &self,
        adopted: AdoptedSession,
        network: NetworkMatch,
    ) -> Result<Loaded, StoreError> {
        let key = adopted.key();
        let loaded = self.readable(key, self.store().load(key).await).await?;
        if !matches!(loaded.state, Lookup::Missing) {
            return Ok(loaded);
        }
        let policies = self.policies().current();
        let now = loaded.now;
        let policy = policies.policy_or_default(PolicyId::DEFAULT);
        let mut facts = engine::opening_facts(&policies, policy.id(), network, now);
        if let Some(issued_at) = adopted.issued_at {
            // A stamp from the future is kept: the engine refuses it.
            let lead = facts.absolute_deadline - now;
            facts.created_at = issued_at;
            facts.authenticated_at = issued_at;
            facts.absolute_deadline = issued_at.min(now) + lead;
        }
        facts.provider_deadline = adopted.expires_at;
        let record = SessionRecord {
            key,
            subject: adopted.subject,
            facts,
            credential: Credential::new(VerifierHash::NONE),
            // What does not fit counts as not stated, which is the strict
            // side. The request can't be blamed for what the owner states.
            open: OpenPart::new()
                .with_authentication(&adopted.authentication)
                .unwrap_or_default(),
        };
        match self
            .store()
            .create(record.clone(), None, self.due_policy())
            .await?
        {
            Created::Created { .. } => {
                self.report(EventKind::SessionCreated, now, &record, None);
                Ok(Loaded {
                    now,
                    state: Lookup::Found(record),
                })
            }
            Created::Exists | Created::LimitReached => {
                self.readable(key, self.store().load(key).await).await
            }
        }
    }
}
