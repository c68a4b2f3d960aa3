//! What the answer carries back to the client.

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};
use dwell_core::{Deadlines, SessionHandle, TokenChange, Touch, millis};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::cookie::SessionCookie;
use super::source::Source;

/// The structured field (RFC 9651) that tells the time left.
static SESSION_TIMEOUT: HeaderName = HeaderName::from_static("session-timeout");

/// Writes cookie and `Session-Timeout` into an answer's headers.
pub(super) fn write_headers(
    headers: &mut HeaderMap,
    handle: &SessionHandle,
    source: &Source,
    touch: Option<&Touch>,
) {
    let deadlines = handle.closing_deadlines(touch);
    if let Some(deadlines) = &deadlines
        && let Some(value) = session_timeout(deadlines)
    {
        headers.insert(&SESSION_TIMEOUT, value);
    }
    let cookie = match handle.token_change() {
        TokenChange::Keep => return,
        TokenChange::Issue(token) => source
            .session_cookie()
            .and_then(|cookie| cookie.issue(&token, deadlines.as_ref())),
        TokenChange::Remove => source.session_cookie().and_then(SessionCookie::remove),
    };
    let Some(cookie) = cookie else { return };
    headers.append(header::SET_COOKIE, cookie);
    // A shared cache must not hand one person's cookie to another.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// `idle=840, absolute=27000, warn=60`: whole seconds left, rounded down.
fn session_timeout(deadlines: &Deadlines) -> Option<HeaderValue> {
    let left = |at| millis(at - deadlines.now) / 1_000;
    let (idle, absolute) = (left(deadlines.idle), left(deadlines.absolute));
    let warn = deadlines.warn.as_secs();
    let mut text = BytesMut::with_capacity(64);
    write!(text, "idle={idle}, absolute={absolute}, warn={warn}").ok()?;
    HeaderValue::from_maybe_shared::<Bytes>(text.freeze()).ok()
}
