//! Arguments, results and errors of commands.

use std::time::Duration;

use crate::engine::SessionOver;
use crate::session::{
    AuthenticationContext, EndReason, OpenPartFull, RngError, SessionRef, SubjectId, Token,
};
use crate::store::StoreError;
use crate::time::Timestamp;

/// A session to start after a successful login; see
/// [`SessionHandle::start`](crate::SessionHandle::start).
///
/// ```
/// use dwell_core::{AuthenticationContext, NewSession, Timestamp};
///
/// // After a login at an identity provider, from the claims of its ID token:
/// let (sub, auth_time, exp) = ("alice", 1_767_225_600, 1_767_229_200);
/// let context = AuthenticationContext::none().with_acr("aal2").with_amr(["pwd", "otp"]);
/// let new = NewSession::new(sub)
///     .with_policy("admin")
///     .with_authentication(context)
///     .with_authenticated_at(Timestamp::from_millis(auth_time * 1_000))
///     .with_provider_deadline(Timestamp::from_millis(exp * 1_000));
/// # let _ = new;
/// ```
#[derive(Clone, Debug)]
pub struct NewSession {
    pub(crate) subject: SubjectId,
    pub(crate) policy: Option<Box<str>>,
    pub(crate) authentication: AuthenticationContext,
    pub(crate) authenticated_at: Option<Timestamp>,
    pub(crate) provider_deadline: Option<Timestamp>,
    pub(crate) token: Option<Token>,
}

impl NewSession {
    /// Describes a session of `subject`, under the policy `default`,
    /// authenticated now. Starting the session fails with
    /// [`CommandError::UnusableSubject`] if the subject is empty or contains
    /// NUL.
    pub fn new(subject: impl Into<SubjectId>) -> Self {
        Self {
            subject: subject.into(),
            policy: None,
            authentication: AuthenticationContext::none(),
            authenticated_at: None,
            provider_deadline: None,
            token: None,
        }
    }

    /// Returns whose session it is.
    #[must_use]
    pub const fn subject(&self) -> &SubjectId {
        &self.subject
    }

    /// Sets the policy of the session, by its name in the policy set. Its
    /// timeouts, its lock and its session limit hold for the session's life.
    /// Defaults to `default`. Starting the session fails with
    /// [`CommandError::UnknownPolicy`] if no policy has this name.
    #[must_use]
    pub fn with_policy(mut self, policy: impl Into<Box<str>>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    /// Sets class and methods of the authentication, for privileged routes.
    /// Defaults to nothing stated. Starting the session fails if they exceed
    /// about a kilobyte together.
    #[must_use]
    pub fn with_authentication(mut self, context: AuthenticationContext) -> Self {
        self.authentication = context;
        self
    }

    /// Sets when the subject authenticated, such as the `auth_time` of an ID
    /// token. Defaults to now. Starting the session fails with
    /// [`CommandError::AuthenticationTime`] if it is the first instant of 1970,
    /// which stands for a missing value, or more than a minute ahead of the
    /// store's clock.
    #[must_use]
    pub fn with_authenticated_at(mut self, at: Timestamp) -> Self {
        self.authenticated_at = Some(at);
        self
    }

    /// Sets the identity provider's own limit, such as the `exp` of an ID
    /// token. At that instant the session ends with
    /// [`EndReason::IdpSessionExpired`], if no other deadline is earlier.
    /// Defaults to none. Starting the session fails with
    /// [`CommandError::Ended`] if the instant has passed.
    #[must_use]
    pub fn with_provider_deadline(mut self, at: Timestamp) -> Self {
        self.provider_deadline = Some(at);
        self
    }

    /// Sets the session's token, which must be unguessable. Defaults to a new random
    /// one. Starting the session fails with [`CommandError::Conflict`] if a session
    /// with this token exists, live or ended: of several requests that start the same
    /// session at once, one starts it.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }
}

/// Why a command failed. A failed command has changed nothing, except that after
/// [`Store`](Self::Store) a change may have been made and its answer lost.
///
/// | variant | what to do |
/// |---|---|
/// | [`NoSession`](Self::NoSession), [`Ended`](Self::Ended), [`Gone`](Self::Gone) | send the user to the login |
/// | [`Locked`](Self::Locked), [`StepUpRequired`](Self::StepUpRequired) | let the user authenticate again |
/// | [`TooManySessions`](Self::TooManySessions) | tell the user to sign out elsewhere |
/// | [`Store`](Self::Store) | answer 503; the cookie stays valid |
/// | [`Conflict`](Self::Conflict) | try again |
/// | [`AdoptedSession`](Self::AdoptedSession), [`AuthenticationTime`](Self::AuthenticationTime), [`OpenPartFull`](Self::OpenPartFull), [`UnknownPolicy`](Self::UnknownPolicy), [`UnusableSubject`](Self::UnusableSubject) | fix the program |
/// | [`RngError`](Self::RngError) | fix the machine |
///
/// The `SessionError` of `dwell-axum` answers accordingly.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Other requests kept changing the session, in 100 attempts.
    #[error("other requests kept changing the session; try again")]
    Conflict,
    /// Another middleware owns the session. Only that middleware can start or
    /// rotate it.
    #[error("another middleware owns the session; start and rotate it there")]
    AdoptedSession,
    /// The time of the authentication is missing (zero), or more than a minute
    /// ahead of the store's clock.
    #[error(
        "the authentication is dated at 1970-01-01 or more than a minute ahead of the store's \
         clock; state milliseconds since 1970, and compare the clocks"
    )]
    AuthenticationTime,
    /// The session ended while the request was under way, for this reason.
    #[error("the session has ended: {0}")]
    Ended(EndReason),
    /// A command of this request ended the session, or the store has no record
    /// of it any more.
    #[error("the session has ended, for a reason that is not on record")]
    Gone,
    /// The session was locked while the request was under way.
    #[error("the session is locked; its subject must authenticate again")]
    Locked,
    /// The operating system has no random bytes for a token.
    #[error(transparent)]
    RngError(#[from] RngError),
    /// The request has no session in a state that the command needs: live, or
    /// for re-authentication live or locked.
    #[error("the request has no live session")]
    NoSession,
    /// The last authentication is too old by now for the request's route.
    #[error("the last authentication is too old by now for this route")]
    StepUpRequired {
        /// The age at which an authentication is too old.
        max_age: Duration,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(StoreError),
    /// The subject has as many sessions as the policy allows, and the policy
    /// refuses new ones.
    #[error("the subject has as many sessions as its policy allows")]
    TooManySessions,
    /// Class and methods of the authentication exceed about a kilobyte.
    #[error(transparent)]
    OpenPartFull(#[from] OpenPartFull),
    /// The policies in force have no policy with this name.
    #[error("the policies in force have none named {0:?}")]
    UnknownPolicy(Box<str>),
    /// The subject is empty or contains the character NUL.
    #[error("the subject is empty or contains NUL; name the user by a text of other characters")]
    UnusableSubject,
}

/// A session whose record can't be read has ended (law L8).
impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(_) => Self::Gone,
            error => Self::Store(error),
        }
    }
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
    /// Returns only errors of the store.
    pub(in crate::request) fn unless_store(self) -> Result<(), StoreError> {
        match self {
            Self::Store(error) => Err(error),
            _ => Ok(()),
        }
    }
}

/// Selects sessions of the request's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth choice")]
pub enum Which {
    /// All sessions, the request's own included.
    All,
    /// The session with this reference, from [`SessionInfo::reference`].
    One(SessionRef),
    /// All sessions but the request's own.
    Others,
}

/// A session in the list of its subject.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session's reference, for [`Which::One`].
    pub reference: SessionRef,
    /// Whether this is the session of the request.
    pub current: bool,
    /// When the session started.
    pub created_at: Timestamp,
    /// The last activity on record.
    pub last_active_at: Timestamp,
    /// The name of the network of the last activity.
    pub network: Option<String>,
    /// The name of the session's policy.
    pub policy: String,
}
