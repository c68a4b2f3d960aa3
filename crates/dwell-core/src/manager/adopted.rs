//! Sessions that another middleware owns: described, and adopted.

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

/// A session that another middleware owns, as a session source describes it.
///
/// Name the issue instant where there is one: without it, a token that its
/// owner still accepts after the tombstone is gone would start a new session.
#[derive(Clone, Debug)]
pub struct AdoptedSession {
    id: Box<[u8]>,
    subject: SubjectId,
    issued_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    authentication: AuthenticationContext,
}

impl AdoptedSession {
    /// A session that its owner knows by `id`, of `subject`.
    ///
    /// The id must be unguessable or checked by its owner, as a session id or
    /// a verified token's `sid` or `jti` is.
    pub fn new(id: impl AsRef<[u8]>, subject: impl Into<SubjectId>) -> Self {
        Self {
            id: id.as_ref().into(),
            subject: subject.into(),
            issued_at: None,
            expires_at: None,
            authentication: AuthenticationContext::none(),
        }
    }

    /// When the subject authenticated: the absolute timeout runs from there.
    #[must_use]
    pub fn with_issued_at(mut self, at: Timestamp) -> Self {
        self.issued_at = Some(at);
        self
    }

    /// When its owner ends it.
    #[must_use]
    pub fn with_expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// How strongly the subject authenticated. Class and methods that are
    /// longer than about a kilobyte together count as not stated.
    #[must_use]
    pub fn with_authentication(mut self, context: AuthenticationContext) -> Self {
        self.authentication = context;
        self
    }

    /// The key under which a store keeps it.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        SessionKey::adopted(&self.id)
    }

    /// Whether the id is one: not empty, and not beyond a kilobyte.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        (1..=1_024).contains(&self.id.len()) && !self.subject.as_str().is_empty()
    }
}

impl SessionManager {
    /// Keeps a session that another middleware owns, when it is first seen.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn adopt(
        &self,
        foreign: AdoptedSession,
        network: NetworkMatch,
    ) -> Result<Loaded, StoreError> {
        let key = foreign.key();
        let loaded = self.store().load(key).await?;
        if !matches!(loaded.state, Lookup::Missing) {
            return Ok(loaded);
        }
        let policies = self.policies().current();
        let now = loaded.now;
        let policy = policies.policy_or_default(PolicyId::DEFAULT);
        let mut facts = engine::opening_facts(&policies, policy.id(), network, now);
        if let Some(issued_at) = foreign.issued_at {
            // One from the future is kept as it is: the engine refuses it.
            let lead = facts.absolute_deadline - now;
            facts.created_at = issued_at;
            facts.authenticated_at = issued_at;
            facts.absolute_deadline = issued_at.min(now) + lead;
        }
        facts.provider_deadline = foreign.expires_at;
        let record = SessionRecord {
            key,
            subject: foreign.subject,
            facts,
            credential: Credential::new(VerifierHash::NONE),
            // The owner's proof is good, and nobody here can ask for a shorter
            // one: what does not fit is not stated, which is the strict side.
            open: OpenPart::new()
                .with_authentication(&foreign.authentication)
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
            Created::Exists | Created::LimitReached => self.store().load(key).await,
        }
    }
}
