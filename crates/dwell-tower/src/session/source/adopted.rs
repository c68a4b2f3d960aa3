//! Sessions that another middleware has proved, such as by a verified JWT.

use std::any::type_name;
use std::fmt;

use dwell_core::{AdoptedSession, SessionManager};
use http::{Extensions, HeaderMap};

use super::{Found, SessionSource, SourceError, SourceFuture};
use crate::head::RequestHead;

/// Adopts sessions that another middleware has proved: a closure describes the
/// session by what that middleware left in the request, such as the verified
/// claims of a JWT. The middleware must be outside the session layer.
///
/// The closure returns `None` if there is no session. A session without a usable
/// issuer, id or subject is logged and counts as none. The first request of a session
/// starts its timeouts; after its end the same id is refused.
///
/// ```
/// use dwell_core::{AdoptedSession, Timestamp};
/// use dwell_tower::session::AdoptedSource;
///
/// #[derive(Clone)]
/// struct Claims {
///     iss: String,
///     sid: String,
///     sub: String,
///     auth_time: u64,
///     iat: u64,
/// }
///
/// /// What the middleware leaves in every request.
/// #[derive(Clone)]
/// struct Caller(Option<Claims>);
///
/// let source = AdoptedSource::new(|extensions, _headers| {
///     let Caller(claims) = extensions.get()?;
///     let claims = claims.as_ref()?;
///     let session = AdoptedSession::new(&*claims.iss, &claims.sid, &*claims.sub)
///         .with_authenticated_at(Timestamp::from_seconds(claims.auth_time))
///         .with_issued_at(Timestamp::from_seconds(claims.iat));
///     Some(session)
/// });
/// let source = source.behind::<Caller>();
/// # let _ = source;
/// ```
pub struct AdoptedSource<F> {
    find: F,
    owner: Option<Owner>,
}

/// What the owner leaves in every request, with or without a session.
#[derive(Clone, Copy)]
struct Owner {
    is_there: fn(&Extensions) -> bool,
    name: fn() -> &'static str,
}

impl<F> AdoptedSource<F>
where
    F: Fn(&Extensions, &HeaderMap) -> Option<AdoptedSession> + Send + Sync + 'static,
{
    /// Returns a source that finds sessions by this closure.
    pub const fn new(find: F) -> Self {
        Self { find, owner: None }
    }

    /// Demands that every request has a `T` in its extensions, which the owner
    /// leaves there with or without a session. A request without one is answered
    /// with 500: the owner is missing, or inside the session layer. By default such
    /// a request counts as anonymous.
    #[must_use]
    pub fn behind<T: Clone + Send + Sync + 'static>(mut self) -> Self {
        self.owner = Some(Owner {
            is_there: |extensions| extensions.get::<T>().is_some(),
            name: type_name::<T>,
        });
        self
    }

    fn session(&self, request: RequestHead<'_>) -> Result<Found, SourceError> {
        if let Some(owner) = self.owner
            && !(owner.is_there)(request.extensions)
        {
            let name = (owner.name)();
            let missing = format!(
                "{name} in the request's extensions; the middleware that leaves it there must be outside the session layer"
            );
            return Err(SourceError::Miswired(missing));
        }
        Ok(match (self.find)(request.extensions, request.headers) {
            Some(session) => Found::adopted(session),
            None => Found::nothing(),
        })
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
        SourceFuture::ready(self.session(request))
    }

    fn starts_sessions(&self) -> bool {
        false
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
