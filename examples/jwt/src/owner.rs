//! The middleware that checks a request's token, as it would be without Dwell.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;

use crate::tokens::{Claims, Tokens, Use};

/// Whose request it is; in the extensions of every request.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Option<Claims>);

/// Checks the token of a request. One without a valid token goes on as nobody's.
pub(crate) async fn authenticate(
    State(tokens): State<Arc<Tokens>>,
    mut request: Request,
    next: Next,
) -> Response {
    // Who signs out may have no access token by now.
    let for_use = match request.uri().path() {
        "/refresh" => [Some(Use::Refresh), None],
        "/session/end" | "/logout" => [Some(Use::Access), Some(Use::Refresh)],
        _ => [Some(Use::Access), None],
    };
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let claims = token.and_then(|token| {
        let mut uses = for_use.into_iter().flatten();
        uses.find_map(|for_use| tokens.check(token, for_use))
    });
    request.extensions_mut().insert(Caller(claims));
    next.run(request).await
}
