//! What commands take and give back.

use crate::engine::SessionOver;
use crate::session::{
    AuthenticationContext, EndReason, OpenPartFull, RngError, SessionRef, SubjectId,
};
use crate::store::StoreError;
use crate::time::Timestamp;

/// A session to start, after a successful login.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub(crate) subject: SubjectId,
    pub(crate) policy: Option<Box<str>>,
    pub(crate) authentication: AuthenticationContext,
    pub(crate) authenticated_at: Option<Timestamp>,
    pub(crate) provider_deadline: Option<Timestamp>,
}

impl NewSession {
    /// A session of `subject`, under the policy `default`, authenticated now.
    pub fn new(subject: impl Into<SubjectId>) -> Self {
        Self {
            subject: subject.into(),
            policy: None,
            authentication: AuthenticationContext::none(),
            authenticated_at: None,
            provider_deadline: None,
        }
    }

    /// Under the policy of this name.
    #[must_use]
    pub fn with_policy(mut self, policy: impl Into<Box<str>>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    /// With this class and these methods of authentication. Starting the
    /// session fails when they are longer than about a kilobyte together.
    #[must_use]
    pub fn with_authentication(mut self, context: AuthenticationContext) -> Self {
        self.authentication = context;
        self
    }

    /// Authenticated elsewhere, at `at`: the identity provider's `auth_time`.
    /// One that lies more than a minute ahead of the store's clock is corrupt:
    /// the session counts as run out at its next request.
    #[must_use]
    pub fn with_authenticated_at(mut self, at: Timestamp) -> Self {
        self.authenticated_at = Some(at);
        self
    }

    /// With the identity provider's own limit.
    #[must_use]
    pub fn with_provider_deadline(mut self, at: Timestamp) -> Self {
        self.provider_deadline = Some(at);
        self
    }
}

/// Why a command was not carried out.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Somebody else kept changing the session.
    #[error("the session was changed by others at the same time")]
    Conflict,
    /// Another middleware owns the session: it starts and rotates it.
    #[error("the session is owned by another middleware")]
    AdoptedSession,
    /// The session ended meanwhile, for this reason.
    #[error("the session has ended: {0}")]
    Ended(EndReason),
    /// The session ended meanwhile, and nothing is known of it any more.
    #[error("the session has ended")]
    Gone,
    /// The session was locked meanwhile.
    #[error("the session is locked")]
    Locked,
    /// The operating system gave no random bytes.
    #[error(transparent)]
    RngError(#[from] RngError),
    /// The request has no session that the command could act on.
    #[error("the request has no live session")]
    NoSession,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The subject has as many sessions as its policy allows.
    #[error("the subject has as many sessions as its policy allows")]
    TooManySessions,
    /// The class and methods of the authentication are too long to be kept.
    #[error(transparent)]
    OpenPartFull(#[from] OpenPartFull),
    /// No policy of this name is in force.
    #[error("no policy is named {0:?}")]
    UnknownPolicy(Box<str>),
}

impl From<SessionOver> for CommandError {
    fn from(over: SessionOver) -> Self {
        match over {
            SessionOver::Ended(reason) => Self::Ended(reason),
            SessionOver::Locked => Self::Locked,
            SessionOver::Unknown => Self::Gone,
        }
    }
}

impl CommandError {
    /// Passes on that the store did not answer, and nothing else.
    pub(in crate::request) fn unless_store(self) -> Result<(), StoreError> {
        match self {
            Self::Store(error) => Err(error),
            _ => Ok(()),
        }
    }
}

/// Which sessions of a subject a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth choice")]
pub enum Which {
    /// All of them, the request's own included.
    All,
    /// The one with this reference.
    One(SessionRef),
    /// All but the request's own.
    Others,
}

/// A subject's session in a list.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// Its reference, by which it can be ended.
    pub reference: SessionRef,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When it started.
    pub created_at: Timestamp,
    /// Its last activity on record.
    pub last_active_at: Timestamp,
    /// The name of the network of its last activity.
    pub network: Option<String>,
    /// The name of its policy.
    pub policy: String,
}
