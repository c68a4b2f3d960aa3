//! What the answer carries back to the client.

use dwell_core::{Deadlines, SessionHandle, TokenChange, as_millis};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::cookie::SessionCookie;
use crate::rejection::set;

/// The structured field (RFC 9651) that tells the time left.
static SESSION_TIMEOUT: HeaderName = HeaderName::from_static("session-timeout");

/// Writes cookie and `Session-Timeout` into an answer's headers.
pub(super) fn write_headers(
    headers: &mut HeaderMap,
    handle: &SessionHandle,
    cookie: Option<&SessionCookie>,
    deadlines: Option<&Deadlines>,
) {
    if let Some(value) = deadlines.and_then(session_timeout) {
        headers.insert(&SESSION_TIMEOUT, value);
    }
    let cookie = match handle.token_change() {
        TokenChange::Keep => return,
        TokenChange::Issue(token) => cookie.and_then(|cookie| {
            let end = handle.record().map(|r| r.facts.absolute_deadline);
            let longest = deadlines.zip(end).map(|(d, end)| end - d.now);
            cookie.issue(&token, longest)
        }),
        TokenChange::Remove => cookie.and_then(SessionCookie::remove),
    };
    let Some(cookie) = cookie else { return };
    headers.append(header::SET_COOKIE, cookie);
    // A shared cache must not hand one person's cookie to another, whatever
    // the answer says of itself.
    set(
        headers,
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    );
}

/// `idle=840, absolute=27000, warn=60`: whole seconds left, rounded down.
///
/// Put together in a buffer on the stack: `write!` into a growing one takes
/// 100 ns longer and a second allocation.
fn session_timeout(deadlines: &Deadlines) -> Option<HeaderValue> {
    let left = |at| as_millis(at - deadlines.now) / 1_000;
    let mut text = Text::new();
    text.name(*b"idle=");
    text.number(left(deadlines.idle));
    text.name(*b", absolute=");
    text.number(left(deadlines.absolute));
    text.name(*b", warn=");
    text.number(deadlines.warn.as_secs());
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

/// Room for three names and three numbers of 20 digits.
struct Text {
    bytes: [u8; 96],
    length: usize,
}

impl Text {
    const fn new() -> Self {
        Self {
            bytes: [0; 96],
            length: 0,
        }
    }

    /// Of a length that the compiler knows: a copy that does not call out.
    fn name<const N: usize>(&mut self, name: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.length..self.length + N) {
            place.copy_from_slice(&name);
            self.length += N;
        }
    }

    fn number(&mut self, number: u64) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number).as_bytes();
        let end = self.length + digits.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(digits);
            self.length = end;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use dwell_core::{EndReason, PolicyId, Rule, Timestamp};

    use super::*;

    #[test]
    fn the_time_left_is_in_whole_seconds_rounded_down() {
        let at = Timestamp::from_millis;
        let mut deadlines = Deadlines {
            now: at(1_000),
            idle: at(1_000 + 840_999),
            absolute: at(1_000 + 27_000_000),
            nearest: at(1_000 + 840_999),
            ends_by: EndReason::IdleTimeout,
            set_by: Rule::Policy(PolicyId::DEFAULT),
            warn: std::time::Duration::from_secs(60),
        };
        let value = session_timeout(&deadlines).unwrap();
        assert_eq!(value, "idle=840, absolute=27000, warn=60");
        deadlines.idle = at(1_000);
        deadlines.absolute = Timestamp::MAX;
        deadlines.warn = std::time::Duration::MAX;
        let value = session_timeout(&deadlines).unwrap();
        let longest = (u64::MAX - 1_000) / 1_000;
        assert_eq!(
            value,
            format!("idle=0, absolute={longest}, warn={}", u64::MAX)
        );
    }
}
