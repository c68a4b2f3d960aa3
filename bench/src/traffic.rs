//! The requests that are sent: what a browser sends to a bank.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, Request, header};

/// What kind of requests a row gets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kind {
    /// They declare themselves passive.
    pub passive: bool,
    /// They bring this many other cookies.
    pub other_cookies: usize,
}

/// A cookie as a session's, for what has no sessions: browsers send theirs
/// whatever reads it, and nobody is to be faster by a shorter request.
pub const COOKIE: &str = "__Host-session=00000000000000000000000000000000000000000001";

/// Makes requests, with one session or with many in turn.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    kind: Kind,
    cookies: Vec<String>,
    next: usize,
}

impl Traffic {
    /// Requests of this kind, without a session.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }

    /// The same with these session cookies, one after the other.
    pub fn with_cookies(self, cookies: Vec<String>) -> Self {
        Self { cookies, ..self }
    }

    /// The same requests of another kind.
    pub fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The first session cookie, as `name=value`.
    pub fn cookie(&self) -> Option<&str> {
        self.cookies.first().map(String::as_str)
    }

    /// The next request.
    pub fn next<B: Default>(&mut self) -> Request<B> {
        // A stride that shares no factor with any power of ten, so that
        // neighbours in the store are not neighbours in time.
        const STRIDE: usize = 7_919;
        self.next = self.next.wrapping_add(STRIDE);
        let session = match self.cookies.len() {
            0 => None,
            many => Some(self.cookies[self.next % many].as_str()),
        };
        let mut request = request("/", cookies(session, self.kind.other_cookies));
        if self.kind.passive {
            let passive = header::HeaderValue::from_static("passive");
            request.headers_mut().insert("session-activity", passive);
        }
        request
    }
}

/// The cookie header: the session's cookie among others.
pub fn cookies(session: Option<&str>, others: usize) -> Option<String> {
    let other = |n: usize| format!("_pref{n}=GA1.2.20{n}7315468.1763989");
    let mut all: Vec<String> = (0..others).map(other).collect();
    all.extend(session.map(str::to_owned));
    // In the middle: neither the best case nor the worst.
    let last = all.len().saturating_sub(1);
    if session.is_some() {
        all.swap(others / 2, last);
    }
    (!all.is_empty()).then(|| all.join("; "))
}

/// The address that a server put into a request.
pub fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let info = extensions.get::<ConnectInfo<SocketAddr>>();
    info.map(|info| info.0.ip())
}

/// A request as a browser sends it, with the address that a server adds.
pub fn request<B: Default>(path: &str, cookies: Option<String>) -> Request<B> {
    let peer = SocketAddr::from(([10, 50, 1, 1], 40_000));
    let mut request = Request::builder()
        .uri(path)
        .header(header::HOST, "bank.example")
        .header(header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64)")
        .header("sec-fetch-site", "same-origin")
        .extension(ConnectInfo(peer));
    if let Some(cookies) = cookies {
        request = request.header(header::COOKIE, cookies);
    }
    request.body(B::default()).expect("a good request")
}
