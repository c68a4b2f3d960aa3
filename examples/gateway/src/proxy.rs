//! Passes requests on to the service behind.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONNECTION, UPGRADE};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, Version};
use axum::response::Response;
use dwell_axum::dwell_tower::gateway::is_same_origin;
use dwell_axum::dwell_tower::open::{Lifeline, UpgradePolicy};
use dwell_axum::dwell_tower::rejection::{Refusal, problem_details, refuse, session_state};
use dwell_axum::{RouteMark, SessionState};
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::check::Asked;
use crate::config::Config;
use crate::headers;
use crate::path::ClearPath;
use crate::tunnel::tunnel;

/// How long a connection to the service may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an unused connection is kept: services close theirs, too, Node.js after five
/// seconds, and a request on a connection that is being closed is lost.
const UNUSED: Duration = Duration::from_secs(4);

/// The way to the service behind. Clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    client: Client<HttpConnector, Body>,
    upstream: Option<Authority>,
    patience: Duration,
    is_https: bool,
}

impl Proxy {
    pub(crate) fn new(config: &Config) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new())
                .pool_idle_timeout(UNUSED)
                .build(connector),
            upstream: config.upstream.clone(),
            patience: config.upstream_timeout,
            is_https: config.is_https,
        }
    }

    /// Answers a request that has passed the rules.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Body>) -> Response {
        let (parts, body) = request.into_parts();
        let state = match session_state(&parts) {
            Ok(state) => state.clone(),
            Err(refused) => return refused.map(Body::from),
        };
        let wants_upgrade = ["upgrade", "sec-websocket-key"];
        if wants_upgrade
            .iter()
            .any(|name| parts.headers.contains_key(*name))
        {
            // Pages connect again by themselves, and a browser lets any page do it.
            state.mark_route(RouteMark::Passive);
            let by_browser = ["sec-fetch-site", "origin"];
            let by_browser = by_browser
                .iter()
                .any(|name| parts.headers.contains_key(*name));
            if by_browser && !is_same_origin(&parts) {
                return problem(StatusCode::FORBIDDEN, "not_same_origin");
            }
        }
        if parts.extensions.get::<Asked>().is_some() {
            let mut answer = Response::default();
            headers::blank(answer.headers_mut());
            headers::identify(answer.headers_mut(), &state);
            return answer;
        }
        let is_own = parts.extensions.get().is_some_and(ClearPath::is_own);
        match self.upstream.clone().filter(|_| !is_own) {
            Some(upstream) => {
                self.pass_on(upstream, Request::from_parts(parts, body), &state)
                    .await
            }
            None => problem(StatusCode::NOT_FOUND, "not_found"),
        }
    }

    async fn pass_on(
        &self,
        upstream: Authority,
        request: Request<Body>,
        state: &SessionState,
    ) -> Response {
        let (mut parts, body) = request.into_parts();
        let is_web_socket = is_web_socket(&parts.headers);
        let lifeline = is_web_socket.then(|| Lifeline::of(state.handle()));
        let lifeline = lifeline.flatten().map(Lifeline::counted);
        if let Some(None) = lifeline {
            return refuse(Refusal::TooManyStreams, &parts).map(Body::from);
        }
        headers::to_upstream(&mut parts, state, self.is_https);
        let client = parts.extensions.remove::<OnUpgrade>();
        let mut onward = Request::new(body);
        *onward.method_mut() = parts.method;
        *onward.headers_mut() = parts.headers;
        *onward.uri_mut() = uri(upstream, parts.uri);
        if is_web_socket {
            upgrade(onward.headers_mut());
        }
        let mut response = match timeout(self.patience, self.client.request(onward)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the service behind can't be reached or broke off; the request was answered with 502"
                );
                return problem(StatusCode::BAD_GATEWAY, "upstream_unavailable");
            }
            Err(_) => {
                tracing::warn!(
                    "the service behind did not answer within {:?}; the request was answered with 504. Raise upstream_timeout if it may take longer",
                    self.patience
                );
                return problem(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout");
            }
        };
        headers::to_client(response.headers_mut());
        *response.version_mut() = Version::HTTP_11;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(client) = client.filter(|_| is_web_socket) else {
                return problem(StatusCode::BAD_GATEWAY, "upstream_unavailable");
            };
            upgrade(response.headers_mut());
            response
                .extensions_mut()
                .insert(UpgradePolicy::EndsWithSession);
            let service = hyper::upgrade::on(&mut response);
            tunnel(client, service, lifeline.flatten());
        }
        response.map(Body::new)
    }
}

/// Whether a client asks for a WebSocket. No other protocol is passed on: over `h2c` it could
/// send requests that nobody looks at.
fn is_web_socket(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(CONNECTION).iter();
    let lists = lists.filter_map(|list| list.to_str().ok());
    let mut names = lists.flat_map(|list| list.split(','));
    let asks = names.any(|name| name.trim().eq_ignore_ascii_case("upgrade"));
    let protocol = headers.get(UPGRADE).map(HeaderValue::as_bytes);
    asks && protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
}

fn upgrade(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

fn uri(upstream: Authority, asked: Uri) -> Uri {
    let mut parts = asked.into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(upstream);
    parts
        .path_and_query
        .get_or_insert(PathAndQuery::from_static("/"));
    // Scheme, authority and path make a URI.
    Uri::from_parts(parts).unwrap_or_default()
}

pub(crate) fn problem(status: StatusCode, reason: &'static str) -> Response {
    problem_details(status, Some(reason), None).map(Body::from)
}
