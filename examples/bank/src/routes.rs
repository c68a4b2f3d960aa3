//! The routes and their annotations: read this file first.

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use dwell_axum::{
    AuthenticationRequirement, SessionTimeoutLayer, active, passive, policy, privileged,
    session_endpoints,
};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::accounts::Accounts;
use crate::assets::assets;
use crate::pages::{account, expired, login, not_found, reauth, sessions, wrong_method};
use crate::problem::problem;
use crate::{api, events, headers, ws};

/// The name of the policy for the pages under `/admin`.
pub const ADMIN_POLICY: &str = "admin";

/// The longest body that is accepted, in bytes.
const MAX_BODY: usize = 16 * 1_024;

pub(crate) fn app(accounts: Accounts, timeouts: SessionTimeoutLayer) -> Router {
    let recent = privileged(AuthenticationRequirement::by_policy());
    let admin = Router::new()
        .route("/admin/sessions", get(sessions::list))
        .route("/admin/sessions/end", post(sessions::end))
        .route("/admin/sessions/end-others", post(sessions::end_others))
        .route_layer(policy(ADMIN_POLICY));
    let with_session = Router::new()
        .route("/", get(account::page))
        .route("/login", get(login::page).post(login::submit))
        .route("/logout", post(login::logout))
        .route("/reauth", get(reauth::page).post(reauth::submit))
        // The component loads this page, which is no activity.
        .route("/expired", get(expired::page).layer(passive()))
        .route("/events", get(events::ticks).layer(passive()))
        .route("/ws", get(ws::echo))
        .route("/api/balance", get(api::balance).layer(active()))
        .route(
            "/api/notifications",
            get(api::notifications).layer(passive()),
        )
        .route("/api/transfer", post(api::transfer).layer(recent))
        .merge(admin)
        .layer(CsrfLayer::new().with_rejection_response(cross_site))
        // The endpoints check the origin themselves, more strictly.
        .merge(session_endpoints())
        // Automatic requests of a browser (an icon, a source map) and mistakes of a
        // script are no activity.
        .fallback(not_found.layer(passive()))
        .method_not_allowed_fallback(wrong_method.layer(passive()))
        .layer(timeouts);
    Router::new()
        .merge(assets())
        .merge(with_session)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(map_response(headers::add))
        .with_state(accounts)
}

fn cross_site(_: ProtectionError) -> Response<Body> {
    let detail = "Another site sent this request. Use the bank's own pages.";
    problem(StatusCode::FORBIDDEN, "cross_site", detail)
}
