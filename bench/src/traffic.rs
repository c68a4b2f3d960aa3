//! The requests that are sent: what a browser sends to a bank, and what a
//! server adds.

use std::fmt::Write as _;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderValue, Request, header};

/// What kind of requests an application gets.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// They declare themselves passive.
    pub passive: bool,
    /// They bring this many other cookies.
    pub other_cookies: usize,
}

impl Kind {
    /// An ordinary browser's: three more cookies than the session's.
    pub const BROWSER: Self = Self {
        passive: false,
        other_cookies: 3,
    };

    /// The same, declared passive.
    pub const PASSIVE: Self = Self {
        passive: true,
        ..Self::BROWSER
    };

    /// With so many other cookies.
    #[must_use]
    pub const fn with_other_cookies(other_cookies: usize) -> Self {
        Self {
            other_cookies,
            ..Self::BROWSER
        }
    }
}

/// A cookie as a session's, for what has no sessions: a shorter request would
/// be an advantage.
pub const COOKIE: &str = "__Host-session=00000000000000000000000000000000000000000001";

/// The headers of a page's request, as Chromium sends them over HTTP/1.1.
const HEADERS: [(&str, &str); 13] = [
    ("host", "bank.example"),
    ("connection", "keep-alive"),
    ("sec-ch-ua-platform", "\"Linux\""),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/142.0.0.0 Safari/537.36",
    ),
    (
        "sec-ch-ua",
        "\"Chromium\";v=\"142\", \"Google Chrome\";v=\"142\", \"Not_A Brand\";v=\"99\"",
    ),
    ("sec-ch-ua-mobile", "?0"),
    ("accept", "*/*"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("referer", "https://bank.example/accounts"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-US,en;q=0.9"),
];

/// The client's address, as axum's server puts it into a request.
pub fn client() -> ConnectInfo<SocketAddr> {
    ConnectInfo(SocketAddr::from(([10, 50, 1, 1], 40_000)))
}

/// A request of this kind, with this session.
///
/// # Panics
/// Never: its parts are good.
pub fn request(path: &str, session: Option<&str>, kind: Kind) -> Request<Body> {
    let mut request = Request::builder().uri(path);
    for (name, value) in HEADERS {
        request = request.header(name, value);
    }
    if let Some(cookies) = cookies(session, kind.other_cookies) {
        request = request.header(header::COOKIE, cookies);
    }
    if kind.passive {
        let passive = HeaderValue::from_static("passive");
        request = request.header("session-activity", passive);
    }
    request.body(Body::empty()).expect("a good request")
}

/// The same request as it goes over a socket.
pub fn bytes(path: &str, session: Option<&str>, kind: Kind) -> Vec<u8> {
    let mut text = format!("GET {path} HTTP/1.1\r\n");
    for (name, value) in request(path, session, kind).headers() {
        let value = value.to_str().unwrap_or_default();
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text += "\r\n";
    text.into_bytes()
}

/// The cookie header: the session's cookie in the middle of the others, which
/// is neither the best case nor the worst.
fn cookies(session: Option<&str>, others: usize) -> Option<String> {
    let other = |n: usize| format!("_pref{n}=GA1.2.20{n}7315468.1763989");
    let mut all: Vec<String> = (0..others).map(other).collect();
    if let Some(session) = session {
        all.insert(others.div_ceil(2), session.to_owned());
    }
    (!all.is_empty()).then(|| all.join("; "))
}
