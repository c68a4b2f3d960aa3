//! Dwell's tokens: in a cookie, in a bearer header, or in either.

use dwell_core::{SessionManager, TokenChange};
use http::{HeaderMap, header};

use super::{Field, Found, GiveBack, SessionSource, SourceFuture, Tokens};
use crate::cookie::SessionCookie;
use crate::head::{RequestHead, bearer};

/// Finds sessions by Dwell's token, in a cookie, in `Authorization: Bearer`, or
/// in either. Defaults to the cookie of [`SessionCookie::new`].
///
/// ```
/// use dwell_tower::session::{SessionCookie, TokenSource};
///
/// // Browsers send the cookie, programs the header.
/// let source = TokenSource::cookie_or_bearer(SessionCookie::new());
/// # let _ = source;
/// ```
#[derive(Clone, Debug)]
pub struct TokenSource {
    cookie: Option<SessionCookie>,
    bearer: bool,
}

impl TokenSource {
    /// Returns a source for tokens in this cookie.
    #[must_use]
    pub fn cookie(cookie: SessionCookie) -> Self {
        Self {
            cookie: Some(cookie),
            bearer: false,
        }
    }

    /// Returns a source for tokens in `Authorization: Bearer` (RFC 6750 §2.1). The
    /// application gives the token of
    /// [`SessionHandle::start`](dwell_core::SessionHandle::start) to the client.
    #[must_use]
    pub fn bearer() -> Self {
        Self {
            cookie: None,
            bearer: true,
        }
    }

    /// Returns a source for tokens in `Authorization: Bearer` and in this cookie,
    /// in this order.
    #[must_use]
    pub fn cookie_or_bearer(cookie: SessionCookie) -> Self {
        Self {
            cookie: Some(cookie),
            bearer: true,
        }
    }

    /// Finds the tokens of a request. Anything malformed costs no look-up. Loops are
    /// faster here than iterator adapters.
    fn tokens(&self, headers: &HeaderMap) -> Tokens {
        let mut tokens = Tokens::default();
        if self.bearer {
            tokens.push_text(bearer(headers));
        }
        let Some(cookie) = &self.cookie else {
            return tokens;
        };
        for line in headers.get_all(header::COOKIE) {
            for value in cookie.values_in(line.as_bytes()) {
                tokens.push_text(Some(value));
            }
        }
        tokens
    }
}

impl SessionSource for TokenSource {
    fn find<'a>(
        &'a self,
        request: RequestHead<'a>,
        _: &'a SessionManager,
    ) -> SourceFuture<'a, Found> {
        SourceFuture::ready(Ok(Found::by_tokens(self.tokens(request.headers))))
    }

    fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
        let Some(cookie) = &self.cookie else {
            return SourceFuture::ready(Ok(Vec::new()));
        };
        let value = match answer.token_change() {
            TokenChange::Issue(token) => {
                let end = answer.record().map(|r| r.facts.absolute_deadline);
                let deadlines = answer.deadlines();
                // After the end, the cookie is what tells its user why.
                let after = answer.state.manager().store().tombstone_lifetime();
                let longest = deadlines.zip(end).map(|(d, end)| (end - d.now) + after);
                cookie.to_header(token.expose(), longest)
            }
            TokenChange::Remove => cookie.removal(),
            _ => None,
        };
        let field = value.map(|value| (header::SET_COOKIE, value));
        SourceFuture::ready(Ok(field.into_iter().collect()))
    }

    fn cookie(&self) -> Option<&SessionCookie> {
        self.cookie.as_ref()
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

impl Default for TokenSource {
    fn default() -> Self {
        Self::cookie(SessionCookie::new())
    }
}
