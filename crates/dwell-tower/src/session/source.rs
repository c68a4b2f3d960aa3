//! Where a request's session is found.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use dwell_core::{ForeignSession, Token};
use http::{HeaderMap, Request, header};

use super::cookie::SessionCookie;

/// The most tokens of one request that are looked up: cookies of the same
/// name that other paths or domains may have set, and a bearer token.
const MAX_CANDIDATES: usize = 4;

type FindForeign = dyn Fn(&http::Extensions, &HeaderMap) -> Option<ForeignSession> + Send + Sync;

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
        find: impl Fn(&http::Extensions, &HeaderMap) -> Option<ForeignSession> + Send + Sync + 'static,
    ) -> Self {
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
    pub(super) fn is_foreign(&self) -> bool {
        self.foreign.is_some()
    }

    /// The session that another middleware owns. `Err` when the closure
    /// panicked.
    pub(super) fn find_foreign<B>(
        &self,
        request: &Request<B>,
    ) -> Result<Option<ForeignSession>, SourcePanicked> {
        let Some(find) = &self.foreign else {
            return Ok(None);
        };
        let found = std::panic::catch_unwind(AssertUnwindSafe(|| {
            find(request.extensions(), request.headers())
        }));
        let found = found.map_err(|_| SourcePanicked)?;
        let sane = found.as_ref().is_none_or(ForeignSession::is_sane);
        if !sane {
            tracing::warn!("the session source gave a session without a usable id or subject");
        }
        Ok(found.filter(|_| sane))
    }

    /// The tokens that a request shows, in order: texts that are no tokens
    /// are not worth a look-up, and no more than a few are.
    pub(super) fn tokens<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = Token> + 'a {
        let bearer = self.bearer.then(|| bearer(headers)).flatten();
        let cookies = self
            .cookie
            .iter()
            .flat_map(|cookie| cookies(headers, cookie.name()));
        bearer
            .into_iter()
            .chain(cookies)
            .filter_map(Token::parse)
            .take(MAX_CANDIDATES)
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

/// The values of the cookies of this name (RFC 6265 §4.2.1), borrowed: a
/// parsed cookie of the `cookie` crate is ten times the work, for attributes
/// that a request's cookies do not have.
fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(move |pair| {
            let rest = pair.trim_ascii().strip_prefix(name.as_bytes())?;
            rest.strip_prefix(b"=")
        })
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| rest.trim_ascii())
}
