//! The gateway: what it serves itself, and what it passes on.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode, Version, header};
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{get, post};
use dwell_axum::dwell_tower::gate::Gated;
use dwell_axum::dwell_tower::rejection;
use dwell_axum::dwell_tower::rejection::{DefaultRejection, MakeRejection, Refusal};
use dwell_axum::{
    SessionManager, SessionTimeoutLayer, browser, session_endpoints, session_timeout,
};
use tower::{ServiceExt, service_fn};

use crate::check::{Asked, Asking};
use crate::config::Config;
use crate::pages::{self, LOGIN, LOGOUT, STEP_UP};
use crate::path::ClearPath;
use crate::proxy::{Proxy, problem};
use crate::rules::Rules;
use crate::users::Users;

/// The longest form, in bytes.
const MAX_FORM: usize = 16 * 1_024;

/// A gateway, ready to serve. Clones share everything.
#[derive(Clone, Debug)]
pub struct Gateway {
    site: Router,
    /// Answers what other proxies ask about, and how they ask.
    check: Option<(Asking, Router)>,
    pub(crate) timeouts: SessionTimeoutLayer,
    rules: Rules,
    users: Users,
}

impl Gateway {
    /// Makes a gateway that keeps its sessions with this manager.
    #[must_use]
    pub fn new(config: &Config, sessions: &SessionManager) -> Self {
        let timeouts = session_timeout(sessions)
            .with_login(LOGIN)
            .with_reauthentication(STEP_UP)
            .with_origin(config.origin.clone())
            .with_rejection(Refusing(
                DefaultRejection::new()
                    .with_login(LOGIN)
                    .with_reauthentication(STEP_UP),
            ));
        let proxy = Arc::new(Proxy::new(config));
        let answer = service_fn(move |request: Request<Body>| {
            let answer = Arc::clone(&proxy).answer(request);
            async { Ok::<_, Infallible>(answer.await) }
        });
        let rules = Rules::new(config.routes.clone());
        let answer = Gated::new(answer, rules.clone());
        let site = Router::new()
            .route(LOGIN, get(pages::login_page).post(pages::login))
            .route(STEP_UP, get(pages::step_up_page).post(pages::step_up))
            .route(LOGOUT, post(pages::logout))
            .route_layer(from_fn(pages::guard))
            .route_layer(DefaultBodyLimit::max(MAX_FORM))
            .with_state(config.users.clone())
            .merge(session_endpoints())
            .fallback_service(answer.clone())
            .layer(timeouts.clone())
            .merge(browser());
        let check = Router::new()
            .fallback_service(answer)
            .layer(timeouts.clone());
        Self {
            site,
            check: config.check.map(|asking| (asking, check)),
            timeouts,
            rules,
            users: config.users.clone(),
        }
    }

    /// Puts the policies, routes and users of another file in force. Returns who is no user
    /// any more.
    pub(crate) fn reload(&self, config: Config) -> Vec<String> {
        self.timeouts.policies().replace(config.policies);
        self.rules.replace(config.routes);
        self.users.replace(config.users.table())
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response {
        // Besides a `Content-Length`, of which nothing is left here, a proxy in front may
        // see another end of this request, and so another begin of the next (RFC 9112 §6.1).
        let is_last = request.headers().contains_key(header::TRANSFER_ENCODING);
        let mut response = self.route(request).await;
        if is_last {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }

    async fn route(&self, mut request: Request<Body>) -> Response {
        let hosts = request.headers().get_all(header::HOST).iter().count();
        if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
            return problem(StatusCode::BAD_REQUEST, "ambiguous_host");
        }
        let check = self.check.as_ref();
        let check = check.filter(|_| Asking::is_check(request.uri()));
        let router = match check {
            None => &self.site,
            Some((asking, router)) => {
                request = match asking.of(request) {
                    Ok(original) => original,
                    Err(missing) => {
                        tracing::error!(
                            "the proxy that asks is misconfigured; it was answered with 500. Missing: {missing}"
                        );
                        return problem(StatusCode::INTERNAL_SERVER_ERROR, "no_original_request");
                    }
                };
                router
            }
        };
        let Some(path) = ClearPath::of(request.uri().path()) else {
            // A proxy that asks passes only 401 and 403 on.
            let status = check.map_or(StatusCode::BAD_REQUEST, |_| StatusCode::FORBIDDEN);
            return problem(status, "ambiguous_path");
        };
        request.extensions_mut().insert(path);
        match router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// Refuses as Dwell does by default. A proxy that asks gets no redirect, which nginx takes
/// for an error, but 401 with the `Location` to which it may lead the browser.
struct Refusing(DefaultRejection);

impl MakeRejection for Refusing {
    fn reject(&self, refusal: &Refusal, request: &Parts) -> Response<Bytes> {
        let answer = self.0.reject(refusal, request);
        let is_redirect = answer.status().is_redirection();
        if !is_redirect || request.extensions.get::<Asked>().is_none() {
            return answer;
        }
        let mut refused = rejection::problem(refusal);
        if let Some(location) = answer.headers().get(header::LOCATION) {
            refused
                .headers_mut()
                .insert(header::LOCATION, location.clone());
        }
        refused
    }
}
