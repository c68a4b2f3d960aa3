//! Sessions that another middleware has proved, such as by a verified JWT.

use std::fmt;

use dwell_core::{AdoptedSession, SessionManager};
use http::{Extensions, HeaderMap};

use super::{Found, SessionSource, SourceFuture};
use crate::head::RequestHead;

/// Adopts sessions that another middleware has proved: a closure describes the
/// session by what that middleware left in the request, such as the verified
/// claims of a JWT. The middleware must be outside the session layer.
///
/// The closure returns `None` if there is no session. A session without a usable
/// id or subject is logged and counts as none. The first request of a session
/// starts its timeouts; after its end the same id is refused.
///
/// ```
/// use dwell_core::{AdoptedSession, Timestamp};
/// use dwell_tower::session::AdoptedSource;
///
/// #[derive(Clone)]
/// struct Claims {
///     sid: String,
///     sub: String,
///     iat: u64,
/// }
///
/// let source = AdoptedSource::new(|extensions, _headers| {
///     let claims = extensions.get::<Claims>()?;
///     let issued_at = Timestamp::from_millis(claims.iat.saturating_mul(1_000));
///     let session = AdoptedSession::new(&claims.sid, claims.sub.as_str());
///     Some(session.with_issued_at(issued_at))
/// });
/// # let _ = source;
/// ```
pub struct AdoptedSource<F>(F);

impl<F> AdoptedSource<F>
where
    F: Fn(&Extensions, &HeaderMap) -> Option<AdoptedSession> + Send + Sync + 'static,
{
    /// Returns a source that finds sessions by this closure.
    pub const fn new(find: F) -> Self {
        Self(find)
    }
}

impl<F> SessionSource for AdoptedSource<F>
where
    F: Fn(&Extensions, &HeaderMap) -> Option<AdoptedSession> + Send + Sync + 'static,
{
    fn find<'a>(
        &'a self,
        request: RequestHead<'a>,
        _: &'a SessionManager,
    ) -> SourceFuture<'a, Found> {
        let found = match (self.0)(request.extensions, request.headers) {
            Some(session) => Found::adopted(session),
            None => Found::nothing(),
        };
        SourceFuture::ready(Ok(found))
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

impl<F> fmt::Debug for AdoptedSource<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdoptedSource")
    }
}
