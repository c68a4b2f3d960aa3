//! Extractors: the session for handlers.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use dwell_core::{
    Admission, CommandError, Deadlines, EndReason, NewSession, SessionHandle, SessionInfo,
    SessionRecord, SessionRef, Strength, SubjectId, Token, Verdict,
};
use dwell_tower::rejection::{Refusal, refuse};
use http::request::Parts;

use crate::error::SessionError;

type Result<T> = std::result::Result<T, SessionError>;

/// The live session of a request.
///
/// Extracting it is the check that a route is protected: without a live
/// session the request is refused like everywhere in the stack, and without
/// the layers it is answered with 500. `Option<Session>` is `None` where
/// there is no live session.
///
/// ```
/// use dwell_axum::Session;
///
/// async fn account(session: Session) -> String {
///     format!("Hello {}", session.subject())
/// }
/// # let _ = account;
/// ```
#[derive(Clone, Debug)]
pub struct Session {
    handle: SessionHandle,
    subject: SubjectId,
    route: Option<MatchedPath>,
}

impl Session {
    /// Whose session it is.
    #[must_use]
    pub fn subject(&self) -> &SubjectId {
        &self.subject
    }

    /// Its short reference, as events and lists show it.
    #[must_use]
    pub fn reference(&self) -> Option<SessionRef> {
        self.handle.record().map(|r| SessionRef::of(r.key))
    }

    /// Its deadlines, as the commands of this request left them.
    #[must_use]
    pub fn deadlines(&self) -> Option<Deadlines> {
        self.handle.current_deadlines()
    }

    /// The facts that Dwell keeps of it, as the commands of this request left
    /// them; `None` after it was ended.
    #[must_use]
    pub fn record(&self) -> Option<SessionRecord> {
        self.handle.record()
    }

    /// The shared handle, for what this extractor does not offer.
    #[must_use]
    pub fn handle(&self) -> &SessionHandle {
        &self.handle
    }

    /// Starts another session in its place, after a full new login.
    ///
    /// # Errors
    /// See [`SessionHandle::start`].
    pub async fn start(&self, new: NewSession) -> Result<Token> {
        Ok(self.command().start(new).await?)
    }

    /// Signs the subject out.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end(&self) -> Result<()> {
        self.command().end().await?;
        Ok(())
    }

    /// Replaces the token: after any change of what the session may do.
    ///
    /// # Errors
    /// See [`SessionHandle::rotate`].
    pub async fn rotate(&self) -> Result<()> {
        Ok(self.command().rotate().await?)
    }

    /// Records that the session's subject authenticated again, with this
    /// class and these methods (RFC 8176), and replaces the token.
    ///
    /// # Errors
    /// See [`SessionHandle::reauthenticated`].
    pub async fn reauthenticated<'a>(
        &self,
        acr: Option<&str>,
        amr: impl IntoIterator<Item = &'a str>,
    ) -> Result<()> {
        Ok(self.command().reauthenticated(strength(acr, amr)).await?)
    }

    /// Records that a re-authentication failed; `true` when it was one too
    /// many and the session has ended.
    ///
    /// # Errors
    /// See [`SessionHandle::reauthentication_failed`].
    pub async fn reauthentication_failed(&self) -> Result<bool> {
        Ok(self.command().reauthentication_failed().await?)
    }

    /// Stays signed in, at the subject's explicit wish.
    ///
    /// # Errors
    /// See [`SessionHandle::extend`].
    pub async fn extend(&self) -> Result<()> {
        Ok(self.command().extend().await?)
    }

    /// Records input that happened `ago`.
    ///
    /// # Errors
    /// See [`SessionHandle::active_ago`].
    pub async fn active_ago(&self, ago: Duration) -> Result<()> {
        Ok(self.command().active_ago(ago).await?)
    }

    /// The subject's sessions, this one included.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(&self) -> Result<Vec<SessionInfo>> {
        Ok(self.handle.list().await?)
    }

    /// Ends one of the subject's sessions; `false` when there is none such.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end_one(&self, reference: SessionRef) -> Result<bool> {
        Ok(self.command().end_one(reference).await?)
    }

    /// Ends all other sessions of the subject, and tells how many.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end_others(&self) -> Result<usize> {
        Ok(self.command().end_others().await?)
    }

    /// Ends all sessions of the subject, and tells how many.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end_all(&self) -> Result<usize> {
        Ok(self.command().end_all().await?)
    }

    /// Commands are events, and events name the route.
    fn command(&self) -> &SessionHandle {
        label(&self.handle, self.route.as_ref());
        &self.handle
    }
}

/// What a login or re-authentication page works with: it is there whatever
/// became of the session, and gives access to nothing.
///
/// ```
/// use axum::response::Redirect;
/// use dwell_axum::{LoginSession, NewSession, SessionError};
///
/// async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
///     // … after checking the password:
///     login.start(NewSession::new("alice")).await?;
///     Ok(Redirect::to("/"))
/// }
/// # let _ = login;
/// ```
#[derive(Clone, Debug)]
pub struct LoginSession {
    handle: SessionHandle,
    admission: Admission,
    route: Option<MatchedPath>,
}

impl LoginSession {
    /// Whose session waits for authentication, live or locked. A factor that
    /// is checked for [`reauthenticated`](Self::reauthenticated) must be this
    /// subject's.
    #[must_use]
    pub fn subject(&self) -> Option<&SubjectId> {
        match self.admission {
            Admission::Session(Verdict::Ended(_)) | Admission::Anonymous => None,
            Admission::Session(_) => self.handle.subject(),
        }
    }

    /// Whether the session is locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self.admission, Admission::Session(Verdict::Locked { .. }))
    }

    /// Why the session that the request brought along has ended, if it has.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        self.admission.end_reason()
    }

    /// Starts a session after a login and gives the client its token. With a
    /// bearer source the answer must carry the token itself.
    ///
    /// # Errors
    /// See [`SessionHandle::start`].
    pub async fn start(&self, new: NewSession) -> Result<Token> {
        Ok(self.command().start(new).await?)
    }

    /// Records that the session's subject authenticated again: opens a lock,
    /// satisfies privileged routes, replaces the token.
    ///
    /// # Errors
    /// See [`SessionHandle::reauthenticated`].
    pub async fn reauthenticated<'a>(
        &self,
        acr: Option<&str>,
        amr: impl IntoIterator<Item = &'a str>,
    ) -> Result<()> {
        Ok(self.command().reauthenticated(strength(acr, amr)).await?)
    }

    /// Records that a re-authentication failed; `true` when it was one too
    /// many and the session has ended.
    ///
    /// # Errors
    /// See [`SessionHandle::reauthentication_failed`].
    pub async fn reauthentication_failed(&self) -> Result<bool> {
        Ok(self.command().reauthentication_failed().await?)
    }

    fn command(&self) -> &SessionHandle {
        label(&self.handle, self.route.as_ref());
        &self.handle
    }
}

fn strength<'a>(acr: Option<&str>, amr: impl IntoIterator<Item = &'a str>) -> Strength {
    let strength = Strength::none().with_amr(amr);
    match acr {
        Some(acr) => strength.with_acr(acr),
        None => strength,
    }
}

fn label(handle: &SessionHandle, route: Option<&MatchedPath>) {
    if let Some(route) = route {
        handle.label_route(|| route.as_str().into());
    }
}

/// The refusal of an extractor, answered like everywhere in the stack.
#[derive(Debug)]
pub struct SessionRejection(Box<Response>);

impl SessionRejection {
    fn new(refusal: Refusal, parts: &Parts) -> Self {
        Self(Box::new(refuse(refusal, parts).map(Body::from)))
    }
}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// The handle, and what was decided; a wrong wiring names what is missing.
fn decided(parts: &Parts) -> std::result::Result<(SessionHandle, Admission), SessionRejection> {
    let miswired = |missing: &str| {
        let refusal = Refusal::Miswired(missing.to_owned());
        Err(SessionRejection::new(refusal, parts))
    };
    let Some(handle) = parts.extensions.get::<SessionHandle>() else {
        return miswired("the session layer, around a handler that extracts a session");
    };
    match handle.admission() {
        Some(admission) => Ok((handle.clone(), admission)),
        None => miswired("the idle timeout layer, around a handler that extracts a session"),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Self, Self::Rejection> {
        let (handle, admission) = decided(parts)?;
        let refusal = match (admission, handle.subject()) {
            (Admission::Session(Verdict::Live(_)), Some(subject)) => {
                return Ok(Self {
                    subject: subject.clone(),
                    route: parts.extensions.get().cloned(),
                    handle,
                });
            }
            (Admission::Session(Verdict::Locked { .. }), _) => Refusal::Locked,
            (Admission::Session(Verdict::Ended(reason)), _) => Refusal::Ended(reason),
            _ => Refusal::SessionRequired,
        };
        label(&handle, parts.extensions.get());
        Err(SessionRejection::new(refusal, parts))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Option<Self>, Self::Rejection> {
        let (handle, admission) = decided(parts)?;
        let subject = match admission {
            Admission::Session(Verdict::Live(_)) => handle.subject().cloned(),
            _ => None,
        };
        Ok(subject.map(|subject| Self {
            subject,
            route: parts.extensions.get().cloned(),
            handle,
        }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LoginSession {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Self, Self::Rejection> {
        let (handle, admission) = decided(parts)?;
        Ok(Self {
            handle,
            admission,
            route: parts.extensions.get().cloned(),
        })
    }
}

impl From<SessionError> for CommandError {
    fn from(error: SessionError) -> Self {
        error.0
    }
}
