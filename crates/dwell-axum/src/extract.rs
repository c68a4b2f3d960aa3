//! The extractors: [`Session`] for handlers that need a session, and
//! [`LoginSession`] for handlers that start one.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dwell_core::{
    AuthenticationContext, CommandError, Deadlines, EndReason, NewSession, SessionHandle,
    SessionInfo, SessionRecord, SessionRef, SessionState, SubjectId, Timestamp, Token, Verdict,
    Which,
};
use dwell_tower::rejection::{Refusal, demand_session, refuse, session_state};
use http::request::Parts;

use crate::error::SessionError;

type Result<T> = std::result::Result<T, SessionError>;

/// Extracts the live session of a request, and so protects its route.
///
/// Without a live session the request is refused: 401 with the reason, or a
/// redirect to the login page. Without the layers it is answered with 500.
/// `Option<Session>` is `None` without a live session, for routes that serve
/// both.
///
/// A method that returns `Ok` has changed the store. A new token, or the
/// cookie's removal, reaches the client with the handler's answer, also if that
/// is an error. Pass a [`SessionError`] on with `?`.
///
/// ```
/// use axum::body::Body;
/// use axum::{Router, routing::{get, post}};
/// use dwell_axum::Session;
/// use dwell_axum::prelude::*;
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
///     // … after changing it: all other browsers must sign in again.
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
/// // … after alice has signed in here and on her phone:
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
    /// Returns the subject of the request's session, also after a command has
    /// ended that session or started another.
    #[must_use]
    pub fn subject(&self) -> &SubjectId {
        &self.subject
    }

    /// Returns the session's short reference, as events and lists show it, or
    /// `None` after it ended. Safe to show on pages and in logs: the token can't
    /// be computed from it.
    #[must_use]
    pub fn reference(&self) -> Option<SessionRef> {
        self.state.record().map(|r| SessionRef::of(r.key))
    }

    /// Returns the session's deadlines, including the effects of this request's
    /// commands, or `None` after it ended. The request's own activity counts later,
    /// when the answer's status is known.
    #[must_use]
    pub fn deadlines(&self) -> Option<Deadlines> {
        self.state.current_deadlines()
    }

    /// Returns when a token that is issued now may expire: at `expires_at`, or at the
    /// session's nearest deadline if that is earlier. Call it wherever tokens are
    /// refreshed, on a route under [`token_refresh`](crate::token_refresh).
    ///
    /// ```
    /// use dwell_axum::{Session, Timestamp};
    ///
    /// async fn refresh(session: Session) -> String {
    ///     let iat = session.deadlines().map_or(0, |deadlines| deadlines.now.as_seconds());
    ///     let exp = session.clamp_expiry(Timestamp::from_seconds(iat + 300)).as_seconds();
    ///     format!("a token of {}, from {iat} until {exp}", session.subject())
    /// }
    /// # let _ = refresh;
    /// ```
    #[must_use]
    pub fn clamp_expiry(&self, expires_at: Timestamp) -> Timestamp {
        self.state.clamp_expiry(expires_at)
    }

    /// Returns the session's record, including the effects of this request's
    /// commands, or `None` after it ended.
    #[must_use]
    pub fn record(&self) -> Option<SessionRecord> {
        self.state.record()
    }

    /// Returns the handle behind this extractor, for APIs that take one, such as
    /// [`Lifeline`](dwell_tower::open::Lifeline).
    ///
    /// ```
    /// use dwell_axum::Session;
    /// use dwell_axum::dwell_tower::open::Lifeline;
    ///
    /// // Runs until the session ends, on this node or another.
    /// async fn wait_for_end(session: Session) -> &'static str {
    ///     match Lifeline::of(session.handle()) {
    ///         Some(mut lifeline) => lifeline.closed().await.as_str(),
    ///         None => "ended already",
    ///     }
    /// }
    /// # let _ = wait_for_end;
    /// ```
    #[must_use]
    pub fn handle(&self) -> &SessionHandle {
        self.state.handle()
    }

    pub(crate) fn state(&self) -> &SessionState {
        &self.state
    }

    /// Starts another session after a full new login, and gives the client its
    /// token. This session ends as `superseded`. The new one inherits nothing
    /// from it, in particular not the absolute deadline.
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

    /// Replaces the token. Call it after any change of what the session may do.
    /// Both deadlines stay.
    ///
    /// The old token keeps working for parallel requests for
    /// [`rotation_grace`](dwell_core::SessionManagerBuilder::rotation_grace),
    /// 10 seconds by default.
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// use dwell_axum::{Session, SessionError};
    ///
    /// async fn become_admin(session: Session) -> Result<StatusCode, SessionError> {
    ///     // … after granting the role:
    ///     session.rotate().await?;
    ///     Ok(StatusCode::NO_CONTENT)
    /// }
    /// # let _ = become_admin;
    /// ```
    ///
    /// # Errors
    /// See [`SessionHandle::rotate`].
    pub async fn rotate(&self) -> Result<()> {
        Ok(self.command().rotate().await?)
    }

    /// Records that the subject authenticated again with this class and these
    /// methods, and replaces the token. Counts as activity and satisfies
    /// [privileged](crate::privileged) routes. The absolute deadline stays.
    ///
    /// First check the password or other factor of this session's
    /// [subject](Self::subject), not of a name in the form.
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// use dwell_axum::{AuthenticationContext, Session, SessionError};
    ///
    /// # fn is_valid_code(_subject: &str, _code: &str) -> bool { true }
    /// async fn confirm(session: Session, code: String) -> Result<StatusCode, SessionError> {
    ///     if !session.begin_reauthentication().await? {
    ///         return Ok(StatusCode::UNAUTHORIZED);
    ///     }
    ///     if !is_valid_code(session.subject().as_str(), &code) {
    ///         session.reauthentication_failed().await?;
    ///         return Ok(StatusCode::FORBIDDEN);
    ///     }
    ///     let otp = AuthenticationContext::none().with_acr("aal2").with_amr(["pwd", "otp"]);
    ///     session.reauthenticated(otp).await?;
    ///     Ok(StatusCode::NO_CONTENT)
    /// }
    /// # let _ = confirm;
    /// ```
    ///
    /// # Errors
    /// See [`SessionHandle::reauthenticated`].
    pub async fn reauthenticated(&self, authentication: AuthenticationContext) -> Result<()> {
        Ok(self.command().reauthenticated(authentication).await?)
    }

    /// Counts an attempt to authenticate again, before the factor is checked.
    /// Returns `false` if there were too many (more than 5 by default) and the
    /// session has ended: then check nothing.
    ///
    /// # Errors
    /// See [`SessionHandle::begin_reauthentication`].
    pub async fn begin_reauthentication(&self) -> Result<bool> {
        Ok(self.command().begin_reauthentication().await?)
    }

    /// Records that a re-authentication failed. Returns `true` if this was the
    /// last allowed failure (5 by default) and the session has ended. Does not
    /// count as activity.
    ///
    /// # Errors
    /// See [`SessionHandle::reauthentication_failed`].
    pub async fn reauthentication_failed(&self) -> Result<bool> {
        Ok(self.command().reauthentication_failed().await?)
    }

    /// Extends the session at the subject's explicit request ("stay signed in"):
    /// activity now, also on a passive route. A prefetch, or a request that
    /// declares itself passive, extends nothing and is no error.
    ///
    /// # Errors
    /// See [`SessionHandle::extend`].
    pub async fn extend(&self) -> Result<()> {
        Ok(self.command().extend().await?)
    }

    /// Records input that happened `ago`. Input before the last recorded activity
    /// changes nothing. The request itself then does not count as activity.
    ///
    /// # Errors
    /// See [`SessionHandle::active_ago`].
    pub async fn active_ago(&self, ago: Duration) -> Result<()> {
        Ok(self.command().active_ago(ago).await?)
    }

    /// Checks that nobody has ended the session since the request was admitted, and
    /// that its authentication is still recent enough for the route. Ask before
    /// something that can't be undone: a handler may have waited for its request's
    /// body meanwhile. A timeout is no failure.
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// use dwell_axum::{Session, SessionError};
    ///
    /// async fn transfer(session: Session, order: String) -> Result<StatusCode, SessionError> {
    ///     session.still_live().await?;
    ///     // … move the money
    /// #   let _ = order;
    ///     Ok(StatusCode::NO_CONTENT)
    /// }
    /// # let _ = transfer;
    /// ```
    ///
    /// # Errors
    /// See [`SessionHandle::still_live`].
    pub async fn still_live(&self) -> Result<()> {
        Ok(self.command().still_live().await?)
    }

    /// Lists the subject's live sessions, including this one, the oldest first.
    ///
    /// ```
    /// use axum::Json;
    /// use dwell_axum::{Session, SessionError, SessionInfo};
    ///
    /// async fn sessions(session: Session) -> Result<Json<Vec<String>>, SessionError> {
    ///     let mut list = session.list().await?;
    ///     list.retain(|other| !other.current);
    ///     let line = |s: &SessionInfo| format!("{} since {}", s.reference, s.created_at);
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

    /// Ends sessions of the subject as `revoked`, this one last, and returns how
    /// many ended.
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
    /// When the store does not answer. Some sessions may have ended by then.
    pub async fn revoke(&self, which: Which) -> Result<usize> {
        Ok(self.command().revoke(which).await?)
    }

    /// Returns the handle with the route set, which the command's event names.
    fn command(&self) -> &SessionHandle {
        label(&self.state, self.route.as_ref());
        self.state.handle()
    }
}

/// Extracts the session state for login and re-authentication pages. Works with
/// a live, a locked, an ended and no session, on any route, and protects nothing.
///
/// If every request needs a session, or another middleware owns the sessions, the
/// stack must know the paths of these pages, by
/// [`with_login`](dwell_tower::SessionTimeoutLayer::with_login) and
/// [`with_reauthentication`](dwell_tower::SessionTimeoutLayer::with_reauthentication).
/// Without the layers the request is answered with 500.
///
/// ```
/// use axum::response::Redirect;
/// use axum::{Router, routing::{get, post}};
/// use dwell_axum::ManualClock;
/// use dwell_axum::prelude::*;
///
/// async fn page(login: LoginSession) -> &'static str {
///     match login.end_reason() {
///         Some(EndReason::IdleTimeout) => "You were away for too long. Sign in again.",
///         Some(_) => "Your session has ended. Sign in again.",
///         None if login.is_locked() => "Enter your password to continue.",
///         None => "Sign in.",
///     }
/// }
///
/// async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
///     // … after checking the password:
///     let password = AuthenticationContext::none().with_acr("aal1").with_amr(["pwd"]);
///     login.start(NewSession::new("alice").with_authentication(password)).await?;
///     Ok(Redirect::to("/"))
/// }
///
/// async fn unlock(login: LoginSession) -> Result<Redirect, SessionError> {
///     let Some(_subject) = login.subject() else {
///         return Ok(Redirect::to("/login"));
///     };
///     // … after checking the password of this subject:
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
    /// Returns the subject of a live or locked session. Before
    /// [`reauthenticated`](Self::reauthenticated), check the factor of this subject.
    #[must_use]
    pub fn subject(&self) -> Option<&SubjectId> {
        match self.verdict {
            Verdict::Ended(_) | Verdict::Anonymous => None,
            Verdict::Live(_) | Verdict::Locked { .. } => {
                self.state.found().map(|session| &session.record.subject)
            }
        }
    }

    /// Returns whether the session is locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self.verdict, Verdict::Locked { .. })
    }

    /// Returns why the request's session has ended, or `None` if it has not.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        match self.verdict {
            Verdict::Ended(reason) => Some(reason),
            _ => None,
        }
    }

    /// Starts a session after a login, and gives the client its token. With a
    /// bearer source, put the returned token into the answer yourself. The
    /// request's previous session ends.
    ///
    /// # Errors
    /// See [`SessionHandle::start`].
    pub async fn start(&self, new: NewSession) -> Result<Token> {
        Ok(self.command().start(new).await?)
    }

    /// Signs out, whatever the state of the session: ends a live or locked one, and
    /// removes the client's token in every case.
    ///
    /// # Errors
    /// See [`SessionHandle::sign_out`].
    pub async fn sign_out(&self) -> Result<()> {
        self.command().sign_out().await?;
        Ok(())
    }

    /// Records that the subject authenticated again with this class and these
    /// methods: opens a lock, satisfies [privileged](crate::privileged) routes and
    /// replaces the token. Counts as activity. The absolute deadline stays.
    ///
    /// First check the password or other factor of this session's
    /// [subject](Self::subject), not of a name in the form. See the example of
    /// [`LoginSession`].
    ///
    /// # Errors
    /// See [`SessionHandle::reauthenticated`].
    pub async fn reauthenticated(&self, authentication: AuthenticationContext) -> Result<()> {
        Ok(self.command().reauthenticated(authentication).await?)
    }

    /// Counts an attempt to authenticate again, before the factor is checked.
    /// Returns `false` if there were too many (more than 5 by default) and the
    /// session has ended: then check nothing.
    ///
    /// # Errors
    /// See [`SessionHandle::begin_reauthentication`].
    pub async fn begin_reauthentication(&self) -> Result<bool> {
        Ok(self.command().begin_reauthentication().await?)
    }

    /// Records that a re-authentication failed. Returns `true` if this was the
    /// last allowed failure (5 by default) and the session has ended. Does not
    /// count as activity.
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

/// The refusal of an extractor, answered like a refusal of the layers: 401 with
/// the reason, or 500 if a layer is missing.
#[derive(Debug)]
pub struct SessionRejection(Box<Response>);

impl SessionRejection {
    fn new(refused: http::Response<Bytes>) -> Self {
        Self(Box::new(refused.map(Body::from)))
    }
}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl Session {
    /// Returns the session of a request, if it is live.
    fn of(state: &SessionState, parts: &Parts) -> Option<Self> {
        let subject = state.subject()?.clone();
        state.mark_personal();
        Some(Self {
            subject,
            route: parts.extensions.get().cloned(),
            state: state.clone(),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Self, Self::Rejection> {
        let state = demand_session(parts).map_err(SessionRejection::new)?;
        let refused = || refuse(Refusal::SessionRequired, parts);
        Self::of(state, parts).ok_or_else(|| SessionRejection::new(refused()))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Option<Self>, Self::Rejection> {
        let state = session_state(parts).map_err(SessionRejection::new)?;
        Ok(Self::of(state, parts))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LoginSession {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Self, Self::Rejection> {
        let state = session_state(parts).map_err(SessionRejection::new)?;
        state.mark_personal();
        Ok(Self {
            state: state.clone(),
            verdict: state.verdict().unwrap_or(Verdict::Anonymous),
            route: parts.extensions.get().cloned(),
        })
    }
}

impl From<SessionError> for CommandError {
    fn from(error: SessionError) -> Self {
        error.0
    }
}
