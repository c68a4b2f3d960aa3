//! Where a request's session is found.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use dwell_core::{AdoptedSession, SessionManager, Token};
use http::{Extensions, HeaderMap, Request, header};

use super::resolve::{Finding, adopt};
use crate::cookie::SessionCookie;

/// The most tokens of one request that are looked up: cookies of the same
/// name that other paths or domains may have set, and a bearer token.
const MAX_CANDIDATES: usize = 4;

/// Finds the session that another middleware owns, and looks it up.
type FindForeign = dyn Fn(&SessionManager, &Extensions, &HeaderMap) -> Result<Option<Finding>, SourcePanicked>
    + Send
    + Sync;

/// Where a request's session is found.
#[derive(Clone)]
pub struct Source {
    cookie: Option<SessionCookie>,
    bearer: bool,
    foreign: Option<Arc<FindForeign>>,
}

impl Source {
    /// In a cookie.
    #[must_use]
    pub fn cookie(cookie: SessionCookie) -> Self {
        Self {
            cookie: Some(cookie),
            bearer: false,
            foreign: None,
        }
    }

    /// In `Authorization: Bearer` (RFC 6750 §2.1). The application hands the
    /// token out itself.
    #[must_use]
    pub fn bearer() -> Self {
        Self {
            cookie: None,
            bearer: true,
            foreign: None,
        }
    }

    /// In a cookie, or in `Authorization: Bearer`.
    #[must_use]
    pub fn cookie_or_bearer(cookie: SessionCookie) -> Self {
        Self {
            cookie: Some(cookie),
            bearer: true,
            foreign: None,
        }
    }

    /// In what another middleware left in the request: its session, or the
    /// verified claims of its token. It must run outside the session layer.
    ///
    /// `find` tells the session, or `None` when there is none. When it
    /// panics, the request is answered with 500; a description that makes no
    /// sense is logged and counts as no session.
    #[must_use]
    pub fn foreign(
        find: impl Fn(&Extensions, &HeaderMap) -> Option<AdoptedSession> + Send + Sync + 'static,
    ) -> Self {
        let find = move |manager: &SessionManager, extensions: &Extensions, headers: &HeaderMap| {
            let found = ask(|| find(extensions, headers))?;
            // Named here and nowhere else: programs without such a source
            // carry no code that adopts a session.
            Ok(found.map(|session| adopt(manager.clone(), session)))
        };
        Self {
            cookie: None,
            bearer: false,
            foreign: Some(Arc::new(find)),
        }
    }

    pub(super) fn session_cookie(&self) -> Option<&SessionCookie> {
        self.cookie.as_ref()
    }

    /// The closure over what another middleware left, where that is the
    /// source.
    pub(super) fn is_adopted(&self) -> bool {
        self.foreign.is_some()
    }

    /// The session that another middleware owns, being looked up. `Err` when
    /// the closure panicked.
    pub(super) fn find_foreign<B>(
        &self,
        manager: &SessionManager,
        request: &Request<B>,
    ) -> Result<Option<Finding>, SourcePanicked> {
        match &self.foreign {
            Some(find) => find(manager, request.extensions(), request.headers()),
            None => Ok(None),
        }
    }

    /// The first token that a request shows.
    pub(super) fn first_token(&self, headers: &HeaderMap) -> Option<Token> {
        let mut first = None;
        self.each_token(headers, |token| {
            first = Some(token);
            false
        });
        first
    }

    /// The tokens that a request shows, in order, no more than a few.
    pub(super) fn tokens(&self, headers: &HeaderMap) -> Vec<Token> {
        let mut tokens = Vec::new();
        self.each_token(headers, |token| {
            tokens.push(token);
            tokens.len() < MAX_CANDIDATES
        });
        tokens
    }

    /// Shows each token to `see` until it has seen enough. Texts that are no
    /// tokens are not worth a look-up.
    fn each_token(&self, headers: &HeaderMap, mut see: impl FnMut(Token) -> bool) {
        if self.bearer
            && let Some(token) = bearer(headers).and_then(Token::parse)
            && !see(token)
        {
            return;
        }
        let Some(cookie) = &self.cookie else { return };
        for line in headers.get_all(header::COOKIE) {
            for value in cookie.values_in(line.as_bytes()) {
                if let Some(token) = Token::parse(value)
                    && !see(token)
                {
                    return;
                }
            }
        }
    }
}

impl Default for Source {
    fn default() -> Self {
        Self::cookie(SessionCookie::new())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("cookie", &self.cookie)
            .field("bearer", &self.bearer)
            .field("foreign", &self.foreign.is_some())
            .finish()
    }
}

/// The source's closure panicked.
#[derive(Debug)]
pub(super) struct SourcePanicked;

/// Asks the closure, which may do anything.
fn ask(
    find: impl FnOnce() -> Option<AdoptedSession>,
) -> Result<Option<AdoptedSession>, SourcePanicked> {
    let found = std::panic::catch_unwind(AssertUnwindSafe(find));
    let found = found.map_err(|_| SourcePanicked)?;
    let sane = found.as_ref().is_none_or(AdoptedSession::is_sane);
    if !sane {
        let message = "the session source gave a session without a usable id or subject";
        crate::log::warn(message, None);
    }
    Ok(found.filter(|_| sane))
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| rest.trim_ascii())
}
