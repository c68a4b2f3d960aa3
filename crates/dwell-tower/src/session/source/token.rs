//! Dwell's tokens: in a cookie, in a bearer header, or in either.

use dwell_core::{SessionManager, Token, TokenChange};
use http::{HeaderMap, header};

use super::{Field, Found, GiveBack, SessionSource, SourceFuture, Tokens};
use crate::cookie::SessionCookie;
use crate::head::{RequestHead, bearer};

/// The token that a request brought in `Authorization`.
struct ByBearer(Token);

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

    /// Returns a source for tokens in `Authorization: Bearer` (RFC 6750 §2.1). Each new
    /// token goes to the client in the field `Session-Token`: that of a login, which
    /// [`SessionHandle::start`](dwell_core::SessionHandle::start) returns as well, and
    /// those that replace it after a step-up or a rotation.
    #[must_use]
    pub fn bearer() -> Self {
        Self {
            cookie: None,
            bearer: true,
        }
    }

    /// Returns a source for tokens in `Authorization: Bearer` and in this cookie,
    /// in this order. A new token goes back by the field `Session-Token` if
    /// `Authorization` opened the session, and by the cookie otherwise, as after a
    /// login.
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
        let found = Found::by_tokens(self.tokens(request.headers));
        let chooses = self.bearer && self.cookie.is_some();
        let by_bearer = chooses.then(|| bearer(request.headers)).flatten();
        SourceFuture::ready(Ok(match by_bearer.and_then(Token::parse) {
            Some(token) => found.with_carry(ByBearer(token)),
            None => found,
        }))
    }

    fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
        let field = match &self.cookie {
            Some(cookie) if !is_by_bearer(answer) => in_cookie(cookie, answer),
            _ => in_field(answer),
        };
        SourceFuture::ready(Ok(field.into_iter().collect()))
    }

    fn cookie(&self) -> Option<&SessionCookie> {
        self.cookie.as_ref()
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

/// Whether `Authorization` opened the session. A script that may not read the cookie
/// must not get the cookie's token by a field, whatever it sends.
fn is_by_bearer(answer: &GiveBack<'_>) -> bool {
    let session = answer.state.found().zip(answer.carry());
    session.is_some_and(|(session, ByBearer(token))| session.presented == token.presented())
}

fn in_cookie(cookie: &SessionCookie, answer: &GiveBack<'_>) -> Option<Field> {
    match answer.token_change() {
        TokenChange::Issue(token) => answer.in_cookie(cookie, token.expose()),
        TokenChange::Remove => Some((header::SET_COOKIE, cookie.removal()?)),
        _ => None,
    }
}

/// A token that goes is the client's to forget.
fn in_field(answer: &GiveBack<'_>) -> Option<Field> {
    match answer.token_change() {
        TokenChange::Issue(token) => answer.in_field(token.expose()),
        _ => None,
    }
}

impl Default for TokenSource {
    fn default() -> Self {
        Self::cookie(SessionCookie::new())
    }
}
