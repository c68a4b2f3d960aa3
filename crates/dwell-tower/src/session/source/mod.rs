//! Where a request's session is found, and where its token goes back to.
//!
//! A source of your own, for tokens in a header field of your own:
//!
//! ```
//! use dwell_core::{SessionManager, Token, TokenChange};
//! use dwell_tower::gate::RequestHead;
//! use dwell_tower::session::{Found, GiveBack, SessionSource, SourceFuture};
//! use http::{HeaderName, HeaderValue};
//!
//! static X_SESSION: HeaderName = HeaderName::from_static("x-session");
//!
//! #[derive(Debug)]
//! struct HeaderSource;
//!
//! impl SessionSource for HeaderSource {
//!     fn find<'a>(
//!         &'a self,
//!         request: RequestHead<'a>,
//!         _: &'a SessionManager,
//!     ) -> SourceFuture<'a, Found> {
//!         let value = request.headers.get(&X_SESSION);
//!         let token = value.and_then(|value| Token::parse(value.as_bytes()));
//!         SourceFuture::ready(Ok(Found::tokens(token)))
//!     }
//!
//!     fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
//!         let value = match answer.token_change() {
//!             TokenChange::Issue(token) => HeaderValue::from_str(token.expose()).ok(),
//!             TokenChange::Remove => Some(HeaderValue::from_static("")),
//!             _ => None,
//!         };
//!         let field = value.map(|value| (X_SESSION.clone(), value));
//!         SourceFuture::ready(Ok(field.into_iter().collect()))
//!     }
//! }
//! # use dwell_tower::session::Field;
//! # let _ = HeaderSource;
//! ```

mod adopted;
mod token;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use dwell_core::store::{StoreError, StoreFuture};
use dwell_core::{
    AdoptedSession, Deadlines, DueTouch, Resolved, SessionManager, SessionRecord, SessionState,
    Timestamp, Token, TokenChange,
};
use http::{HeaderName, HeaderValue};

pub use self::adopted::AdoptedSource;
pub use self::token::TokenSource;
use crate::head::RequestHead;

/// The most tokens of one request that are looked up: cookies of the same
/// name that other paths or domains may have set, and a bearer token.
const MAX_TOKENS: usize = 4;

/// A source's answer, which may be there at once.
pub type SourceFuture<'a, T> = StoreFuture<'a, T, SourceError>;

/// A header field of an answer.
pub type Field = (HeaderName, HeaderValue);

/// Finds a request's session, and gives its token back.
///
/// Both may wait, for an owner that loads its own session. When a source
/// panics, the request is refused with 500.
pub trait SessionSource: fmt::Debug + Send + Sync + 'static {
    /// Finds what a request shows of its session.
    ///
    /// # Errors
    /// When the source can't tell: see [`SourceError`].
    fn find<'a>(
        &'a self,
        request: RequestHead<'a>,
        manager: &'a SessionManager,
    ) -> SourceFuture<'a, Found>;

    /// Gives back what the client or the owner of the session gets, as header
    /// fields of the answer. Asked for every answer of a request that was
    /// admitted or refused, after its touch and its commands are settled. By
    /// default nothing is given back.
    ///
    /// # Errors
    /// When the owner can't be written to; the answer goes out nevertheless.
    fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
        let _ = answer;
        SourceFuture::ready(Ok(Vec::new()))
    }

    /// Tells whether [`find`](Self::find) never waits, so that a request can
    /// be looked up without a task of its own. Defaults to `false`.
    fn answers_at_once(&self) -> bool {
        false
    }
}

/// Why a source can't tell whose request it is.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The stack is wired wrongly; this piece is missing. The request is
    /// refused with 500.
    #[error("missing: {0}")]
    Miswired(String),
    /// The owner of the session did not answer. The request is refused with
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

/// What a request shows of its session.
#[derive(Debug, Default)]
pub struct Found {
    pub(super) proof: Proof,
    pub(super) carry: Option<Arc<dyn Any + Send + Sync>>,
}

/// By what a session is found.
#[derive(Debug, Default)]
pub(super) enum Proof {
    #[default]
    Nothing,
    Tokens(Tokens),
    Adopted(Box<AdoptedSession>),
    Resolved(Box<Resolved>),
}

/// A few tokens, of which there is nearly always one.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) first: Option<Token>,
    pub(super) others: Vec<Token>,
}

impl Found {
    /// Returns that the request shows no session.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Returns tokens of ours, in the order in which they are tried. No more
    /// than four are.
    #[must_use]
    pub fn tokens(tokens: impl IntoIterator<Item = Token>) -> Self {
        let mut found = Tokens::default();
        let tokens = tokens.into_iter().take(MAX_TOKENS);
        tokens.for_each(|token| found.push(token));
        Self::by_tokens(found)
    }

    /// Returns a session that another middleware owns and has proved.
    #[must_use]
    pub fn adopted(session: AdoptedSession) -> Self {
        Self::by(Proof::Adopted(Box::new(session)))
    }

    /// Returns a session that the source itself has looked up and judged.
    #[must_use]
    pub fn resolved(resolved: Resolved) -> Self {
        Self::by(Proof::Resolved(Box::new(resolved)))
    }

    /// Keeps a value for [`GiveBack::carry`], such as the owner's session.
    #[must_use]
    pub fn with_carry<T: Any + Send + Sync>(mut self, carry: T) -> Self {
        self.carry = Some(Arc::new(carry));
        self
    }

    fn by_tokens(tokens: Tokens) -> Self {
        Self::by(Proof::Tokens(tokens))
    }

    fn by(proof: Proof) -> Self {
        Self { proof, carry: None }
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

/// What an answer gives back to the client or to the owner of its session.
#[derive(Debug)]
pub struct GiveBack<'a> {
    pub(super) state: &'a SessionState,
    pub(super) touch: Option<&'a DueTouch>,
    pub(super) deadlines: Option<&'a Deadlines>,
    pub(super) now: Option<Timestamp>,
}

impl GiveBack<'_> {
    /// Returns what happens to the client's token.
    #[must_use]
    pub fn token_change(&self) -> TokenChange {
        self.state.token_change()
    }

    /// Returns the deadlines after this request; `None` without a live
    /// session.
    #[must_use]
    pub fn deadlines(&self) -> Option<&Deadlines> {
        self.deadlines
    }

    /// Returns the session after this request, its touch included; `None`
    /// where there is none any more.
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

    /// Returns what [`Found::with_carry`] kept, if it is a `T`.
    #[must_use]
    pub fn carry<T: Any>(&self) -> Option<&T> {
        self.state.carry()
    }
}
