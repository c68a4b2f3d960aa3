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

    /// What the request shows. `Err` when the closure panicked.
    pub(super) fn find<B>(&self, request: &Request<B>) -> Result<Shown, SourcePanicked> {
        if let Some(find) = &self.foreign {
            let found = std::panic::catch_unwind(AssertUnwindSafe(|| {
                find(request.extensions(), request.headers())
            }));
            let found = found.map_err(|_| SourcePanicked)?;
            let sane = found.as_ref().is_none_or(ForeignSession::is_sane);
            if !sane {
                tracing::warn!("the session source gave a session without a usable id or subject");
            }
            return Ok(match found {
                Some(session) if sane => Shown::Foreign(Box::new(session)),
                _ => Shown::Tokens(Candidates::default()),
            });
        }
        let mut tokens = Candidates::default();
        if self.bearer {
            tokens.add(bearer(request.headers()));
        }
        if let Some(cookie) = &self.cookie {
            tokens.add_cookies(request.headers(), cookie.name());
        }
        Ok(Shown::Tokens(tokens))
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

/// What a request shows.
pub(super) enum Shown {
    Tokens(Candidates),
    Foreign(Box<ForeignSession>),
}

/// Tokens that a request shows, in order.
#[derive(Clone, Default)]
pub(super) struct Candidates([Option<Token>; MAX_CANDIDATES]);

impl Candidates {
    pub(super) fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Token> {
        self.0.iter().flatten()
    }

    /// Texts that are no tokens are not worth a look-up, nor is one twice.
    fn add(&mut self, text: Option<&[u8]>) {
        let Some(token) = text.and_then(Token::parse) else {
            return;
        };
        for place in &mut self.0 {
            match place {
                Some(known) if *known == token => return,
                Some(_) => {}
                None => {
                    *place = Some(token);
                    return;
                }
            }
        }
    }

    fn add_cookies(&mut self, headers: &HeaderMap, name: &str) {
        for line in headers.get_all(header::COOKIE) {
            let Ok(line) = line.to_str() else { continue };
            for cookie in cookie::Cookie::split_parse(line).flatten() {
                if cookie.name() == name {
                    self.add(Some(cookie.value().as_bytes()));
                }
            }
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| rest.trim_ascii())
}
