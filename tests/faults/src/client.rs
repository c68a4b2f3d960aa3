//! Sends requests to nodes, and records them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use dwell_axum::{SessionRef, Token};
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::clock;
use crate::history::{Answer, Cookie, Kind, Request, SessionId};

/// The name of the bank's cookie.
const COOKIE: &str = "__Host-session";

/// After this time a client gives up.
const GIVES_UP: Duration = Duration::from_secs(15);

/// A request before it is sent.
#[derive(Clone, Debug)]
pub struct Send {
    /// The user who sends it.
    pub user: usize,
    /// The node to send it to.
    pub node: usize,
    /// What it is.
    pub kind: Kind,
    /// The token to send.
    pub held: Option<HeldToken>,
}

/// A session's token.
#[derive(Clone, Debug)]
pub struct HeldToken {
    /// The session.
    pub session: SessionId,
    /// The number of earlier tokens of the session.
    pub generation: usize,
    /// The token.
    pub token: String,
}

/// An answer, and its new token.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The request as recorded.
    pub request: Request,
    /// The new token, if any.
    pub issued: Option<String>,
}

/// A client of all nodes. Clones share connections and record.
#[derive(Clone, Debug)]
pub struct Client {
    nodes: Arc<[SocketAddr]>,
    http: Http<HttpConnector, Full<Bytes>>,
    record: Arc<Mutex<Vec<Request>>>,
}

impl Client {
    /// Creates a client of these nodes, with an empty record.
    #[must_use]
    pub fn new(nodes: Vec<SocketAddr>) -> Self {
        Self {
            nodes: nodes.into(),
            http: Http::builder(TokioExecutor::new()).build(HttpConnector::new()),
            record: Arc::default(),
        }
    }

    /// Returns the number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Takes the recorded requests.
    #[must_use]
    pub fn take_record(&self) -> Vec<Request> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut record)
    }

    /// Returns the second of the day by a node's clock, from the `Date` of an
    /// answer.
    pub async fn second_of_day(&self, node: usize) -> Option<u64> {
        let send = Send {
            user: 0,
            node,
            kind: Kind::Poll,
            held: None,
        };
        let answer = self.http.request(self.request(&send)?).await.ok()?;
        let date = answer.headers().get(header::DATE)?.to_str().ok()?;
        // Wed, 25 Nov 2026 04:16:34 GMT
        let time = date.split(' ').nth(4)?;
        let mut parts = time.split(':').map(|part| part.parse::<u64>().ok());
        parts.try_fold(0, |sum, part| Some(sum * 60 + part?))
    }

    /// Sends a request, and records it with its answer.
    pub async fn send(&self, send: Send) -> Reply {
        let sent = clock::now();
        let answer = tokio::time::timeout(GIVES_UP, self.ask(&send)).await;
        let received = clock::now();
        let (answer, issued) = answer.ok().flatten().unzip();
        let issued = issued.flatten();
        let (session, generation) = match (&send.kind, &issued, &send.held) {
            (Kind::Login, Some(token), _) => (reference(token), 0),
            (Kind::Login, None, _) | (_, _, None) => (None, 0),
            (_, _, Some(held)) => (Some(held.session.clone()), held.generation),
        };
        let replaces = match send.kind {
            Kind::Login => send.held.map(|held| held.session),
            _ => None,
        };
        let request = Request {
            user: send.user,
            session,
            generation,
            replaces,
            node: send.node,
            kind: send.kind,
            sent,
            received,
            answer,
        };
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.push(request.clone());
        Reply { request, issued }
    }

    /// Returns `None` if the connection breaks.
    async fn ask(&self, send: &Send) -> Option<(Answer, Option<String>)> {
        let request = self.request(send)?;
        let (parts, body) = self.http.request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let (cookie, issued) = cookie(&parts.headers);
        let problem: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
        let reason = problem.and_then(|problem| Some(problem["reason"].as_str()?.to_owned()));
        let answer = Answer {
            status: parts.status.as_u16(),
            reason,
            cookie,
            retry_after: parts.headers.contains_key(header::RETRY_AFTER),
            idle_left: idle_left(&parts.headers),
        };
        Some((answer, issued))
    }

    fn request(&self, send: &Send) -> Option<http::Request<Full<Bytes>>> {
        // The bank has two users; sessions differ by their tokens.
        let user = ["alice", "bob"].get(send.user % 2).copied()?;
        let password = bank::PASSWORD;
        let (method, path, body) = match send.kind {
            Kind::Login => {
                let body = format!(r#"{{"username":"{user}","password":"{password}"}}"#);
                (Method::POST, "/login", body)
            }
            Kind::Confirm => {
                let body = format!(r#"{{"password":"{password}"}}"#);
                (Method::POST, "/reauth", body)
            }
            Kind::Click => (Method::GET, "/api/balance", String::new()),
            Kind::Poll => (Method::GET, "/api/notifications", String::new()),
            Kind::Status => (Method::GET, "/session", String::new()),
            Kind::Extend => (Method::POST, "/session/extend", String::new()),
            Kind::Logout => (Method::POST, "/session/end", String::new()),
        };
        let origin = format!("http://{}", self.nodes.get(send.node)?);
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{origin}{path}"))
            .header(header::ACCEPT, "*/*")
            .header(header::ORIGIN, origin)
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty");
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(held) = &send.held {
            request = request.header(header::COOKIE, format!("{COOKIE}={}", held.token));
        }
        request.body(Full::new(Bytes::from(body))).ok()
    }
}

/// Returns the reference of a token's session, as in events.
#[must_use]
pub fn reference(token: &str) -> Option<SessionId> {
    let token = Token::parse(token.as_bytes())?;
    Some(SessionRef::of(token.key()).to_string())
}

fn cookie(headers: &HeaderMap) -> (Cookie, Option<String>) {
    for line in headers.get_all(header::SET_COOKIE) {
        let line = line.to_str().unwrap_or_default();
        let Some(value) = line.strip_prefix(COOKIE).and_then(|l| l.strip_prefix('=')) else {
            continue;
        };
        let value = value.split(';').next().unwrap_or_default();
        return match Token::parse(value.as_bytes()) {
            Some(_) => (Cookie::Issued, Some(value.to_owned())),
            None => (Cookie::Removed, None),
        };
    }
    (Cookie::Kept, None)
}

/// Reads `idle` of a field like `idle=840, absolute=27000, warn=60`.
fn idle_left(headers: &HeaderMap) -> Option<u64> {
    let field = headers.get("session-timeout")?.to_str().ok()?;
    let idle = field
        .split(", ")
        .find_map(|part| part.strip_prefix("idle="));
    idle?.parse().ok()
}
