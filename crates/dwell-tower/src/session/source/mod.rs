//! Where a request's session is found, and where its token goes back to.

mod adopted;
mod linked;
mod token;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use dwell_core::store::{StoreError, StoreFuture};
use dwell_core::{
    AdoptedSession, Deadlines, DueTouch, Resolved, SessionManager, SessionRecord, SessionState,
    Timestamp, Token, TokenChange,
};
use http::{HeaderName, HeaderValue, StatusCode, header};

pub use self::adopted::AdoptedSource;
pub use self::linked::{LinkedSource, SessionOwner};
pub use self::token::TokenSource;
use crate::cookie::SessionCookie;
use crate::head::RequestHead;

/// The most tokens of one request that are looked up. Other paths or domains may
/// have set cookies of the same name.
const MAX_TOKENS: usize = 4;

/// A source's answer: [`ready`](StoreFuture::ready), or [`boxed`](StoreFuture::boxed)
/// if it takes a wait.
pub type SourceFuture<'a, T> = StoreFuture<'a, T, SourceError>;

/// The field with a new token for a client that sends its token in `Authorization`.
static SESSION_TOKEN: HeaderName = HeaderName::from_static("session-token");

/// A header field for an answer.
pub type Field = (HeaderName, HeaderValue);

/// Finds a request's session, and gives its token back with the answer.
///
/// Both methods may wait, such as for another middleware's session. If `find`
/// panics, the request is refused with 500.
///
/// # A custom source
///
/// This one finds Dwell's token in a header field:
///
/// ```
/// use dwell_core::{PolicySet, SessionManager, Timeouts, Token, TokenChange, hours, minutes};
/// use dwell_memory::MemoryStore;
/// use dwell_tower::SessionTimeoutLayer;
/// use dwell_tower::gate::RequestHead;
/// use dwell_tower::session::{Field, Found, GiveBack, SessionSource, SourceFuture};
/// use http::{HeaderName, HeaderValue};
///
/// static X_SESSION: HeaderName = HeaderName::from_static("x-session");
///
/// #[derive(Debug)]
/// struct HeaderSource;
///
/// impl SessionSource for HeaderSource {
///     fn find<'a>(
///         &'a self,
///         request: RequestHead<'a>,
///         _: &'a SessionManager,
///     ) -> SourceFuture<'a, Found> {
///         let value = request.headers.get(&X_SESSION);
///         let token = value.and_then(|value| Token::parse(value.as_bytes()));
///         SourceFuture::ready(Ok(Found::tokens(token)))
///     }
///
///     fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
///         let value = match answer.token_change() {
///             TokenChange::Issue(token) => HeaderValue::from_str(token.expose()).ok(),
///             TokenChange::Remove => Some(HeaderValue::from_static("")),
///             _ => None,
///         };
///         let field = value.map(|value| (X_SESSION.clone(), value));
///         SourceFuture::ready(Ok(field.into_iter().collect()))
///     }
/// }
///
/// # let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// # let manager = SessionManager::builder(MemoryStore::new(), policies).build();
/// let layer = SessionTimeoutLayer::new(&manager).with_source(HeaderSource);
/// # let _ = layer;
/// # Ok::<(), dwell_core::PolicyError>(())
/// ```
///
/// A source can also look the session up itself ([`Found::resolved`]), start one
/// through the manager, and keep a value until the answer
/// ([`Found::with_carry`]).
pub trait SessionSource: fmt::Debug + Send + Sync + 'static {
    /// Finds what a request shows of its session. `manager` is the layer's.
    ///
    /// # Errors
    /// Returns a [`SourceError`] if it can't tell whose request it is. The
    /// request is refused.
    fn find<'a>(
        &'a self,
        request: RequestHead<'a>,
        manager: &'a SessionManager,
    ) -> SourceFuture<'a, Found>;

    /// Gives the token back: returns header fields for the answer, or writes to
    /// the owner of the session. Defaults to doing nothing.
    ///
    /// It is called once for every request whose session could be looked up, when
    /// the answer is there and the request's commands are recorded, also if the
    /// request was refused.
    ///
    /// # Errors
    /// Returns an error if the owner can't be written to. The error is logged, and
    /// the answer goes out without the fields.
    fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
        let _ = answer;
        SourceFuture::ready(Ok(Vec::new()))
    }

    /// Returns the cookie that holds Dwell's token, for a
    /// [`CookieProbe`](super::CookieProbe). Defaults to `None`.
    fn cookie(&self) -> Option<&SessionCookie> {
        None
    }

    /// Returns whether handlers can start sessions by this source. Defaults to
    /// `true`. `false` if another middleware owns them all: a session that a
    /// handler started would reach no client, so
    /// [`start`](dwell_core::SessionHandle::start) fails.
    fn starts_sessions(&self) -> bool {
        true
    }

    /// Returns whether [`find`](Self::find) never waits. Over a local store,
    /// the request then needs no boxed future. Defaults to `false`.
    fn answers_at_once(&self) -> bool {
        false
    }
}

/// Describes why a source can't tell whose request it is.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The stack is misconfigured; this part is missing. The request is refused
    /// with 500, and the part is logged.
    #[error("missing: {0}")]
    Miswired(String),
    /// The owner of the session did not answer. The request is refused with 503.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

/// Describes what a request shows of its session. Defaults to nothing.
#[derive(Debug, Default)]
pub struct Found {
    pub(super) proof: Proof,
    pub(super) carry: Option<Arc<dyn Any + Send + Sync>>,
    pub(super) is_linked: bool,
}

/// What a session is found by.
#[derive(Debug, Default)]
pub(super) enum Proof {
    #[default]
    Nothing,
    Tokens(Tokens),
    Adopted(Box<AdoptedSession>),
    Resolved(Box<Resolved>),
}

/// A few tokens; nearly always one.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) first: Option<Token>,
    pub(super) others: Vec<Token>,
}

impl Found {
    /// Returns that the request shows no session: it is anonymous.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Returns tokens, in the order in which they are tried. The first four count.
    /// A token that the store does not know opens nothing.
    #[must_use]
    pub fn tokens(tokens: impl IntoIterator<Item = Token>) -> Self {
        let mut found = Tokens::default();
        let tokens = tokens.into_iter().take(MAX_TOKENS);
        tokens.for_each(|token| found.push(token));
        Self::by_tokens(found)
    }

    /// Returns a session that another middleware has proved. It is adopted if the
    /// store does not know it. Without a usable id and subject
    /// ([`AdoptedSession::is_sane`]) the request is anonymous, and a line is logged.
    #[must_use]
    pub fn adopted(session: AdoptedSession) -> Self {
        if !session.is_sane() {
            let message = "session source gave a session without a usable id or subject; request \
                           counts as anonymous";
            crate::log::warn(message, None);
            return Self::nothing();
        }
        Self::by(Proof::Adopted(Box::new(session)))
    }

    /// Returns a session that the source has looked up itself. The session's
    /// deadlines are still enforced.
    #[must_use]
    pub fn resolved(resolved: Resolved) -> Self {
        Self::by(Proof::Resolved(Box::new(resolved)))
    }

    /// Keeps a value until the answer, such as the owner's session. Read it by
    /// [`GiveBack::carry`].
    #[must_use]
    pub fn with_carry<T: Any + Send + Sync>(mut self, carry: T) -> Self {
        self.carry = Some(Arc::new(carry));
        self
    }

    /// Notes that another middleware knows the request's user; see
    /// [`SessionState::mark_linked`].
    #[must_use]
    pub fn linked(mut self) -> Self {
        self.is_linked = true;
        self
    }

    fn by_tokens(tokens: Tokens) -> Self {
        Self::by(Proof::Tokens(tokens))
    }

    fn by(proof: Proof) -> Self {
        Self {
            proof,
            ..Self::default()
        }
    }
}

impl Tokens {
    /// Adds a token, unless there are as many as are looked up.
    fn push(&mut self, token: Token) {
        if self.first.is_none() {
            self.first = Some(token);
        } else if self.others.len() + 1 < MAX_TOKENS {
            self.others.push(token);
        }
    }

    /// Adds a text, if it is a token.
    fn push_text(&mut self, text: Option<&[u8]>) {
        if let Some(token) = text.and_then(Token::parse) {
            self.push(token);
        }
    }
}

/// Describes what an answer gives back to the client or to the owner of the
/// session.
#[derive(Debug)]
pub struct GiveBack<'a> {
    pub(super) state: &'a SessionState,
    pub(super) touch: Option<&'a DueTouch>,
    pub(super) deadlines: Option<&'a Deadlines>,
    pub(super) now: Option<Timestamp>,
    pub(super) status: StatusCode,
}

impl GiveBack<'_> {
    /// Returns the answer's status, as the service gave it.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns what happens to the client's token.
    #[must_use]
    pub fn token_change(&self) -> TokenChange {
        self.state.token_change()
    }

    /// Returns the field that gives a token to the client by this cookie. A persistent
    /// cookie outlives the absolute deadline by the lifetime of tombstones: after the
    /// end, it is what tells its user why.
    #[must_use]
    pub fn in_cookie(&self, cookie: &SessionCookie, token: &str) -> Option<Field> {
        let end = self.record().map(|record| record.facts.absolute_deadline);
        let after = self.state.manager().store().tombstone_lifetime();
        let longest = self
            .deadlines
            .zip(end)
            .map(|(d, end)| (end - d.now) + after);
        let value = cookie.to_header(token, longest)?;
        Some((header::SET_COOKIE, value))
    }

    /// Returns the field `Session-Token`, which gives a token to a client that sends
    /// it in `Authorization`.
    #[must_use]
    pub fn in_field(&self, token: &str) -> Option<Field> {
        let mut value = HeaderValue::from_str(token).ok()?;
        value.set_sensitive(true);
        Some((SESSION_TOKEN.clone(), value))
    }

    /// Returns the deadlines after this request, or `None` without a live session.
    #[must_use]
    pub fn deadlines(&self) -> Option<&Deadlines> {
        self.deadlines
    }

    /// Returns the session after this request, its touch included, or `None` if
    /// there is no live one.
    #[must_use]
    pub fn record(&self) -> Option<SessionRecord> {
        let mut record = self.state.record()?;
        if let Some(due) = self.touch {
            record
                .facts
                .touch(due.touch, self.now.unwrap_or(due.touch.at));
        }
        Some(record)
    }

    /// Returns the value that [`Found::with_carry`] kept, if it is a `T`.
    #[must_use]
    pub fn carry<T: Any>(&self) -> Option<&T> {
        self.state.carry()
    }
}
