//! Extractors: the session for handlers, [`Session`] for those that need one
//! and [`LoginSession`] for those that make one.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use dwell_core::{
    AuthenticationContext, CommandError, Deadlines, EndReason, NewSession, SessionHandle,
    SessionInfo, SessionRecord, SessionRef, SessionState, SubjectId, Token, Verdict, Which,
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
/// there is no live session, for routes that serve both.
///
/// Its methods act on the session at once and are awaited: when one returns
/// `Ok`, the store has it. What is to reach the client, a new token or the
/// cookie's removal, goes out with the answer of the handler, whatever that
/// answer is. A [`SessionError`] can be given on with `?`.
///
/// ```
/// use axum::body::Body;
/// use axum::{Router, routing::{get, post}};
/// use dwell_axum::*;
/// use dwell_testkit::TestClient;
///
/// async fn account(session: Session) -> String {
///     format!("Hello {}", session.subject())
/// }
///
/// async fn home(session: Option<Session>) -> &'static str {
///     if session.is_some() { "your page" } else { "everybody's page" }
/// }
///
/// async fn change_password(session: Session) -> Result<String, SessionError> {
///     // … after changing it: whoever else is signed in must sign in again.
///     let ended = session.revoke(Which::Others).await?;
///     session.rotate().await?;
///     Ok(format!("{ended} other sessions ended"))
/// }
///
/// # async fn login(login: LoginSession) -> Result<(), SessionError> {
/// #     login.start(NewSession::new("alice")).await.map(|_| ())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// # let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
/// let app: Router = Router::new()
///     .route("/", get(home))
///     .route("/account", get(account))
///     .route("/password", post(change_password))
/// #   .route("/login", post(login))
///     .layer(session_timeout(&sessions));
/// # let app = app.with_state(()).into_service::<Body>();
/// # let mut phone = TestClient::new(app.clone());
/// # phone.post("/login", "").await;
/// let mut client = TestClient::new(app);
/// assert_eq!(client.get("/").await.text(), "everybody's page");
/// assert_eq!(client.get("/account").await.status, 401);
/// // … and when alice has signed in here, as on her phone:
/// # client.post("/login", "").await;
/// assert_eq!(client.get("/account").await.text(), "Hello alice");
/// assert_eq!(client.post("/password", "").await.text(), "1 other sessions ended");
/// assert_eq!(phone.get("/account").await.status, 401);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Session {
    state: SessionState,
    subject: SubjectId,
    route: Option<MatchedPath>,
}

impl Session {
    /// Whose session it is: the subject that the request came with, also
    /// after a command has ended the session or started another.
    #[must_use]
    pub fn subject(&self) -> &SubjectId {
        &self.subject
    }

    /// Its short reference, as events and lists show it: one way, so that it
    /// can be written into pages and logs. `None` after the session was ended.
    #[must_use]
    pub fn reference(&self) -> Option<SessionRef> {
        self.state.record().map(|r| SessionRef::of(r.key))
    }

    /// Its deadlines, as the commands of this request left them; `None` after
    /// it was ended. The request's own activity is not in them yet: it counts
    /// when the answer's status is known.
    #[must_use]
    pub fn deadlines(&self) -> Option<Deadlines> {
        self.state.current_deadlines()
    }

    /// The facts that Dwell keeps of it, as the commands of this request left
    /// them; `None` after it was ended.
    #[must_use]
    pub fn record(&self) -> Option<SessionRecord> {
        self.state.record()
    }

    /// Returns the handle behind this extractor, for what takes one, such as a
    /// [`Lifeline`](dwell_tower::open::Lifeline).
    #[must_use]
    pub fn handle(&self) -> &SessionHandle {
        self.state.handle()
    }

    pub(crate) fn state(&self) -> &SessionState {
        &self.state
    }

    /// Starts another session in its place, after a full new login, and gives
    /// the client its token. This one ends as `superseded`; nothing of it goes
    /// over, its absolute deadline least of all.
    ///
    /// # Errors
    /// See [`SessionHandle::start`].
    pub async fn start(&self, new: NewSession) -> Result<Token> {
        Ok(self.command().start(new).await?)
    }

    /// Signs the subject out: ends this session, and removes the cookie with
    /// the answer. Idempotent.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sign_out(&self) -> Result<()> {
        self.command().sign_out().await?;
        Ok(())
    }

    /// Replaces the token: after any change of what the session may do. Both
    /// deadlines stay. The old token is good for parallel requests within ten
    /// seconds, unless the manager was told otherwise.
    ///
    /// # Errors
    /// See [`SessionHandle::rotate`].
    pub async fn rotate(&self) -> Result<()> {
        Ok(self.command().rotate().await?)
    }

    /// Records that the session's subject authenticated again, by this class
    /// and these methods, and replaces the token.
    /// It is activity now, and satisfies privileged routes from now on; the
    /// absolute deadline stays.
    ///
    /// Check the factor of *this* [subject](Self::subject) before.
    ///
    /// # Errors
    /// See [`SessionHandle::reauthenticated`].
    pub async fn reauthenticated(&self, authentication: AuthenticationContext) -> Result<()> {
        Ok(self.command().reauthenticated(authentication).await?)
    }

    /// Records that a re-authentication failed, which is no activity; `true`
    /// if this was the last allowed failure (5 by default) and the session has
    /// ended.
    ///
    /// # Errors
    /// See [`SessionHandle::reauthentication_failed`].
    pub async fn reauthentication_failed(&self) -> Result<bool> {
        Ok(self.command().reauthentication_failed().await?)
    }

    /// Stays signed in, at the subject's explicit wish: activity now, also on
    /// a passive route. A prefetch, or a request that declares itself passive,
    /// extends nothing, which is no error.
    ///
    /// # Errors
    /// See [`SessionHandle::extend`].
    pub async fn extend(&self) -> Result<()> {
        Ok(self.command().extend().await?)
    }

    /// Records input that happened `ago`: never earlier than what is on
    /// record. The request itself is no activity then.
    ///
    /// # Errors
    /// See [`SessionHandle::active_ago`].
    pub async fn active_ago(&self, ago: Duration) -> Result<()> {
        Ok(self.command().active_ago(ago).await?)
    }

    /// The subject's sessions that have not run out, this one included, the
    /// oldest first.
    ///
    /// ```
    /// use axum::Json;
    /// use dwell_axum::{Session, SessionError};
    ///
    /// async fn sessions(session: Session) -> Result<Json<Vec<String>>, SessionError> {
    ///     let mut list = session.list().await?;
    ///     list.retain(|other| !other.current);
    ///     let line = |s: &dwell_axum::SessionInfo| format!("{} since {}", s.reference, s.created_at);
    ///     Ok(Json(list.iter().map(line).collect()))
    /// }
    /// # let _ = sessions;
    /// ```
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(&self) -> Result<Vec<SessionInfo>> {
        Ok(self.state.list().await?)
    }

    /// Ends sessions of the subject as `revoked`, this one last, and returns
    /// how many.
    ///
    /// ```
    /// use axum::extract::Path;
    /// use axum::http::StatusCode;
    /// use dwell_axum::{Session, SessionError, SessionRef, Which};
    ///
    /// async fn end(
    ///     Path(reference): Path<String>,
    ///     session: Session,
    /// ) -> Result<StatusCode, SessionError> {
    ///     let Some(reference) = SessionRef::parse(&reference) else {
    ///         return Ok(StatusCode::NOT_FOUND);
    ///     };
    ///     Ok(match session.revoke(Which::One(reference)).await? {
    ///         0 => StatusCode::NOT_FOUND,
    ///         _ => StatusCode::NO_CONTENT,
    ///     })
    /// }
    /// # let _ = end;
    /// ```
    ///
    /// # Errors
    /// When the store does not answer; some may have ended by then.
    pub async fn revoke(&self, which: Which) -> Result<usize> {
        Ok(self.command().revoke(which).await?)
    }

    /// Commands are events, and events name the route.
    fn command(&self) -> &SessionHandle {
        label(&self.state, self.route.as_ref());
        self.state.handle()
    }
}

/// What a login or re-authentication page works with: it is there whatever
/// became of the session, and gives access to nothing.
///
/// A request with an ended or a locked session comes as far as the page only
/// where the stack is told of it:
/// [`with_login`](dwell_tower::SessionTimeoutLayer::with_login) or
/// [`with_reauthentication`](dwell_tower::SessionTimeoutLayer::with_reauthentication).
/// Without the layers it is answered with 500.
///
/// ```
/// use axum::response::Redirect;
/// use axum::{Router, routing::{get, post}};
/// use dwell_axum::*;
///
/// async fn page(login: LoginSession) -> &'static str {
///     match login.end_reason() {
///         Some(EndReason::IdleTimeout) => "You were away for too long. Sign in again.",
///         Some(_) => "Your session has ended. Sign in again.",
///         None if login.is_locked() => "Enter your password to go on.",
///         None => "Sign in.",
///     }
/// }
///
/// async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
///     // … after checking the password:
///     let strength = AuthenticationContext::none().with_acr("aal1").with_amr(["pwd"]);
///     login.start(NewSession::new("alice").with_authentication(strength)).await?;
///     Ok(Redirect::to("/"))
/// }
///
/// async fn unlock(login: LoginSession) -> Result<Redirect, SessionError> {
///     let Some(_subject) = login.subject() else {
///         return Ok(Redirect::to("/login"));
///     };
///     // … after checking the password of this very subject:
///     let password = AuthenticationContext::none().with_acr("aal1").with_amr(["pwd"]);
///     login.reauthenticated(password).await?;
///     Ok(Redirect::to("/"))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # use axum::body::Body;
/// # use dwell_testkit::TestClient;
/// let clock = ManualClock::new();
/// # let store = MemoryStore::with_clock(clock.clone());
/// # let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// # let sessions = SessionManager::builder(store, policies).build();
/// let pages = session_timeout(&sessions).with_login("/login").with_reauthentication("/unlock");
/// let app: Router = Router::new()
///     .route("/login", get(page).post(login))
///     .route("/unlock", get(page).post(unlock))
///     .layer(pages);
/// let mut browser = TestClient::new(app.into_service::<Body>());
/// assert_eq!(browser.post("/login", "").await.status, 303);
/// clock.advance(minutes(15));
/// let page = browser.get("/login").await;
/// assert_eq!(page.text(), "You were away for too long. Sign in again.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LoginSession {
    state: SessionState,
    verdict: Verdict,
    route: Option<MatchedPath>,
}

impl LoginSession {
    /// Whose session waits for authentication, live or locked. A factor that
    /// is checked for [`reauthenticated`](Self::reauthenticated) must be this
    /// subject's.
    #[must_use]
    pub fn subject(&self) -> Option<&SubjectId> {
        match self.verdict {
            Verdict::Ended(_) | Verdict::Anonymous => None,
            Verdict::Live(_) | Verdict::Stale { .. } | Verdict::Locked { .. } => {
                self.state.subject()
            }
        }
    }

    /// Whether the session is locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self.verdict, Verdict::Locked { .. })
    }

    /// Why the session that the request brought along has ended, if it has.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        match self.verdict {
            Verdict::Ended(reason) => Some(reason),
            _ => None,
        }
    }

    /// Starts a session after a login and gives the client its token. With a
    /// bearer source the answer must carry the token itself. A session that
    /// the request brought along ends, unless it has.
    ///
    /// # Errors
    /// See [`SessionHandle::start`].
    pub async fn start(&self, new: NewSession) -> Result<Token> {
        Ok(self.command().start(new).await?)
    }

    /// Records that the session's subject authenticated again, by this class
    /// and these methods: opens a lock, satisfies privileged routes, replaces
    /// the token. It is activity now; the absolute
    /// deadline stays.
    ///
    /// Check the factor of this very [subject](Self::subject) before.
    ///
    /// # Errors
    /// See [`SessionHandle::reauthenticated`].
    pub async fn reauthenticated(&self, authentication: AuthenticationContext) -> Result<()> {
        Ok(self.command().reauthenticated(authentication).await?)
    }

    /// Records that a re-authentication failed, which is no activity; `true`
    /// if this was the last allowed failure (5 by default) and the session has
    /// ended.
    ///
    /// # Errors
    /// See [`SessionHandle::reauthentication_failed`].
    pub async fn reauthentication_failed(&self) -> Result<bool> {
        Ok(self.command().reauthentication_failed().await?)
    }

    fn command(&self) -> &SessionHandle {
        label(&self.state, self.route.as_ref());
        self.state.handle()
    }
}

fn label(state: &SessionState, route: Option<&MatchedPath>) {
    if let Some(route) = route {
        state.label_route(|| route.as_str().into());
    }
}

/// The refusal of an extractor, answered like everywhere in the stack: 401
/// with the reason, or 500 where a layer is missing.
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

/// The request's session state and its verdict; a wrong wiring names what is
/// missing.
fn decided(parts: &Parts) -> std::result::Result<(SessionState, Verdict), SessionRejection> {
    let miswired = |missing: &str| {
        let refusal = Refusal::Miswired(missing.to_owned());
        Err(SessionRejection::new(refusal, parts))
    };
    let Some(state) = parts.extensions.get::<SessionState>() else {
        return miswired("the session layer, around a handler that extracts a session");
    };
    match state.verdict() {
        Some(verdict) => Ok((state.clone(), verdict)),
        None => miswired("the idle timeout layer, around a handler that extracts a session"),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Self, Self::Rejection> {
        let (state, verdict) = decided(parts)?;
        match (verdict, state.subject()) {
            (Verdict::Live(_), Some(subject)) => Ok(Self {
                subject: subject.clone(),
                route: parts.extensions.get().cloned(),
                state,
            }),
            (verdict, _) => {
                let refusal = verdict
                    .over()
                    .map_or(Refusal::SessionRequired, Refusal::from);
                label(&state, parts.extensions.get());
                Err(SessionRejection::new(refusal, parts))
            }
        }
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Option<Self>, Self::Rejection> {
        let (state, verdict) = decided(parts)?;
        let subject = match verdict {
            Verdict::Live(_) => state.subject().cloned(),
            _ => None,
        };
        Ok(subject.map(|subject| Self {
            subject,
            route: parts.extensions.get().cloned(),
            state,
        }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LoginSession {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Self, Self::Rejection> {
        let (state, verdict) = decided(parts)?;
        Ok(Self {
            state,
            verdict,
            route: parts.extensions.get().cloned(),
        })
    }
}

impl From<SessionError> for CommandError {
    fn from(error: SessionError) -> Self {
        error.0
    }
}
