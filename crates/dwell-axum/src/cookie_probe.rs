//! Whether a browser keeps the session cookie, for login pages.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponseParts, Response, ResponseParts};
use dwell_tower::rejection::session_state;
use dwell_tower::session;
use http::request::Parts;
use http::{HeaderValue, header};

/// Extracts whether the browser keeps cookies like the session's, so that a login
/// page can say so. Otherwise who uses a browser that refuses them is sent back to
/// the login page again and again, without a word.
///
/// Put it into the login page's answer, and ask it when the form comes back. It needs
/// no script. The cookie is `__Host-session-probe`, with the attributes of the session
/// cookie and without content.
///
/// ```
/// use axum::response::{Html, IntoResponse, Redirect, Response};
/// use axum::Router;
/// use axum::body::Body;
/// use axum::routing::get;
/// use dwell_axum::CookieProbe;
/// use dwell_axum::prelude::*;
/// use dwell_testkit::TestClient;
///
/// async fn page(probe: CookieProbe) -> impl IntoResponse {
///     (probe, Html("<form method=post>…"))
/// }
///
/// async fn submit(login: LoginSession, probe: CookieProbe) -> Result<Response, SessionError> {
///     if probe.is_refused() {
///         return Ok("Your browser refuses our cookie. Use https.".into_response());
///     }
///     login.start(NewSession::new("alice")).await?;
///     Ok(Redirect::to("/").into_response())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// # let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
/// let app: Router = Router::new()
///     .route("/login", get(page).post(submit))
///     .layer(session_timeout(&sessions).with_login("/login"));
/// let mut browser = TestClient::new(app.into_service::<Body>());
/// browser.get("/login").await;
/// assert_eq!(browser.post("/login", "").await.status, 303);
/// browser.clear_cookies();
/// let answer = browser.post("/login", "").await;
/// assert_eq!(answer.text(), "Your browser refuses our cookie. Use https.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CookieProbe(session::CookieProbe);

impl CookieProbe {
    /// Returns whether the browser has refused the login page's cookie. `false` where
    /// sessions have no cookie of Dwell's. A client that has not asked for the login
    /// page first is taken for one that refuses, so ask only for forms.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.0.is_refused()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CookieProbe {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        session_state(parts).map_err(|response| response.map(Into::into))?;
        Ok(Self(session::CookieProbe::of(parts)))
    }
}

impl IntoResponseParts for CookieProbe {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        if let Some((name, value)) = self.0.field() {
            let headers = response.headers_mut();
            headers.append(name, value);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        Ok(response)
    }
}
