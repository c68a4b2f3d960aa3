//! Style, scripts and icon, compiled in. They are outside the session layers: the
//! same for everybody, and loading them is no activity.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub(crate) fn assets<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        // `/session-timeout.js`, which every page loads.
        .merge(dwell_axum::browser())
        .route("/static/bank.css", get(style))
        .route("/static/bank.js", get(script))
        .route("/static/icon.svg", get(icon))
}

async fn style() -> Response {
    asset(
        "text/css; charset=utf-8",
        include_str!("../static/bank.css"),
    )
}

async fn script() -> Response {
    asset(
        "text/javascript; charset=utf-8",
        include_str!("../static/bank.js"),
    )
}

async fn icon() -> Response {
    asset("image/svg+xml", include_str!("../static/icon.svg"))
}

fn asset(media_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        // The next build may serve another text under the same name.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}
