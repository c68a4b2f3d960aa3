//! All layers in the right order.

use std::fmt;
use std::net::IpAddr;

use dwell_core::{LivePolicies, SessionManager};
use http::request::Parts;
use http::{Extensions, Uri};
use tower_layer::Layer;

use crate::activity::ActivityLayer;
use crate::gateway::{Origin, Prefix};
use crate::idle::{IdleTimeoutLayer, SessionRequirement};
use crate::network::{NetworkLayer, Proxied};
use crate::open::AnyBodyFactory;
use crate::rejection::{Caller, DefaultRejection, MakeRejection};
use crate::session::{SessionLayer, SessionService, SessionSource};

/// The gates between the session layer and the service.
type Gates = (NetworkLayer, ActivityLayer, IdleTimeoutLayer);

/// The service of [`SessionTimeoutLayer`].
pub type SessionTimeout<S, F = AnyBodyFactory> = SessionService<S, Gates, F>;

/// Enforces session timeouts: the session layer with the network, activity and
/// idle timeout layers inside, in this order.
///
/// By default, sessions are found by the cookie `__Host-session`, refusals are
/// problem details (RFC 9457), and requests without a session reach the
/// service. `F` makes the bodies of answers.
///
/// ```
/// use dwell_core::{PolicySet, SessionManager, Timeouts, hours, minutes};
/// use dwell_memory::MemoryStore;
/// use dwell_tower::SessionTimeoutLayer;
/// use dwell_tower::idle::SessionRequirement;
///
/// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// let manager = SessionManager::builder(MemoryStore::new(), policies).build();
/// let layer = SessionTimeoutLayer::new(&manager)
///     .with_requirement(SessionRequirement::Required)
///     .with_login("/login")
///     .add_exempt_path("/static/");
/// # let _ = layer;
/// # Ok::<(), dwell_core::PolicyError>(())
/// ```
pub struct SessionTimeoutLayer<F = AnyBodyFactory> {
    session: SessionLayer<Gates, F>,
    /// The pages of the default rejection; `None` after a custom rejection was
    /// set.
    pages: Option<DefaultRejection>,
    /// Whether trusted proxies are believed about host and prefix.
    forwarded: bool,
}

impl SessionTimeoutLayer {
    /// Returns the stack with its defaults over this manager's sessions.
    #[must_use]
    pub fn new(manager: &SessionManager) -> Self {
        let gates = (
            NetworkLayer::new(),
            ActivityLayer::new(),
            IdleTimeoutLayer::new(),
        );
        let pages = DefaultRejection::new();
        let session = SessionLayer::new(manager).with_gates(gates);
        Self {
            session: session.with_rejection(pages.clone()),
            pages: Some(pages),
            forwarded: false,
        }
    }
}

impl<F> SessionTimeoutLayer<F> {
    fn map_session(
        mut self,
        change: impl FnOnce(SessionLayer<Gates, F>) -> SessionLayer<Gates, F>,
    ) -> Self {
        self.session = change(self.session);
        self
    }

    fn map_gates(self, change: impl FnOnce(Gates) -> Gates) -> Self {
        self.map_session(|session| {
            let gates = change(session.gates().clone());
            session.with_gates(gates)
        })
    }

    /// Sets the factory that makes the bodies of answers. Defaults to
    /// [`AnyBodyFactory`].
    #[must_use]
    pub fn with_body_factory<E>(self) -> SessionTimeoutLayer<E> {
        SessionTimeoutLayer {
            session: self.session.with_body_factory(),
            pages: self.pages,
            forwarded: self.forwarded,
        }
    }

    /// Sets how long an answer of the store is waited for. Defaults to two
    /// seconds; see [`SessionLayer::with_store_timeout`].
    #[must_use]
    pub fn with_store_timeout(self, limit: std::time::Duration) -> Self {
        self.map_session(|session| session.with_store_timeout(limit))
    }

    /// Sets how sessions are found. Defaults to
    /// [`TokenSource`](crate::session::TokenSource) with a cookie.
    #[must_use]
    pub fn with_source(self, source: impl SessionSource) -> Self {
        self.map_session(|session| session.with_source(source))
    }

    /// Redirects page navigations without a live session to this path, and
    /// exempts the path. It may have a query. By default they are answered with
    /// problem details.
    #[must_use]
    pub fn with_login(self, path: &str) -> Self {
        self.with_page(path, |pages| pages.with_login(path))
    }

    /// Redirects page navigations that need re-authentication to this path, and
    /// exempts the path. It may have a query. Defaults to the login page.
    #[must_use]
    pub fn with_reauthentication(self, path: &str) -> Self {
        self.with_page(path, |pages| pages.with_reauthentication(path))
    }

    /// Sets how it is recognized who asks, and so which form of a refusal is of use.
    /// Defaults to [`Caller::of`].
    ///
    /// ```
    /// use dwell_tower::SessionTimeoutLayer;
    /// use dwell_tower::rejection::Caller;
    ///
    /// fn with_unpoly(layer: SessionTimeoutLayer) -> SessionTimeoutLayer {
    ///     layer.with_callers(|request| match request.headers.contains_key("x-up-version") {
    ///         true => Caller::Page,
    ///         false => Caller::of(request),
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn with_callers(self, recognize: fn(&Parts) -> Caller) -> Self {
        self.map_pages(|pages| pages.with_callers(recognize))
    }

    fn map_pages(mut self, change: impl FnOnce(DefaultRejection) -> DefaultRejection) -> Self {
        match self.pages.take().map(change) {
            Some(pages) => {
                self.pages = Some(pages.clone());
                self.map_session(|session| session.with_rejection(pages))
            }
            None => self,
        }
    }

    fn with_page(
        mut self,
        path: &str,
        add: impl FnOnce(DefaultRejection) -> DefaultRejection,
    ) -> Self {
        self = self.map_pages(add);
        let path = path.split('?').next().unwrap_or_default();
        self.add_exempt_path(path)
    }

    /// Exempts a path: it is served also without a live session. See
    /// [`IdleTimeoutLayer::add_exempt_path`].
    #[must_use]
    pub fn add_exempt_path(self, path: &str) -> Self {
        self.map_gates(|(network, activity, idle)| (network, activity, idle.add_exempt_path(path)))
    }

    /// Sets how requests are refused, in all layers and routes. Defaults to
    /// [`DefaultRejection`].
    ///
    /// Paths set by [`with_login`](Self::with_login) and
    /// [`with_reauthentication`](Self::with_reauthentication), before or after,
    /// stay exempt. Redirecting to them is then up to `rejection`.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        self.pages = None;
        self.map_session(|session| session.with_rejection(rejection))
    }

    /// Sets whether requests need a session. Defaults to
    /// [`SessionRequirement::Optional`].
    #[must_use]
    pub fn with_requirement(self, requirement: SessionRequirement) -> Self {
        self.map_gates(|(network, activity, idle)| {
            (network, activity, idle.with_requirement(requirement))
        })
    }

    /// Sets how the peer's address is read from the request's extensions.
    /// Defaults to [`Peer`](crate::network::Peer).
    #[must_use]
    pub fn with_peer(
        self,
        peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        let layer = self
            .map_gates(|(network, activity, idle)| (network.replace_peer(peer), activity, idle));
        match layer.forwarded {
            true => layer.with_forwarded_prefix_and_host(),
            false => layer,
        }
    }

    /// Sets how the address of a connection's PROXY header is read from the request's
    /// extensions. Defaults to [`Proxied`]; see the [module](crate::network).
    #[must_use]
    pub fn with_proxied(self, find: fn(&Extensions) -> Option<Proxied>) -> Self {
        self.map_gates(|(network, activity, idle)| (network.with_proxied(find), activity, idle))
    }

    /// Adds an origin under which pages of this service, or of a single-page
    /// application that uses it, are loaded. Call it once for each. Requests of their
    /// scripts count as activity, and they may use the session endpoints and open
    /// WebSockets. Needed for pages on another origin, and behind a proxy that changes
    /// `Host`. Defaults to none: then only pages with the request's host are ours.
    ///
    /// ```
    /// # fn f(layer: dwell_tower::SessionTimeoutLayer) -> Result<(), dwell_tower::gateway::OriginError> {
    /// let layer = layer.with_origin("https://app.bank.example".parse()?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        self.map_session(|session| session.with_origin(origin))
    }

    /// Sets the part of the path that a proxy cuts off, such as `/bank`. Redirects to
    /// the login page and `return_to` get it; routes and exempt paths are written
    /// without it. Defaults to none.
    ///
    /// ```
    /// # fn f(layer: dwell_tower::SessionTimeoutLayer) -> Result<(), dwell_tower::gateway::PrefixError> {
    /// let layer = layer.with_prefix("/bank".parse()?).with_login("/login");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_prefix(self, prefix: Prefix) -> Self {
        self.map_session(|session| session.with_prefix(prefix))
    }

    /// Believes `X-Forwarded-Prefix` and `X-Forwarded-Host` of proxies that the
    /// policies trust (`client_ip.trusted_proxies`), instead of
    /// [`with_prefix`](Self::with_prefix) and `Host`. A value that is no prefix, or
    /// that is sent twice, counts as none. The proxy must set both or remove what
    /// clients send. Defaults to believing nobody.
    #[must_use]
    pub fn with_forwarded_prefix_and_host(mut self) -> Self {
        self.forwarded = true;
        let peer = std::sync::Arc::clone(self.session.gates().0.peer());
        let find = move |extensions: &Extensions| peer(extensions);
        self.map_session(|session| session.with_forwarded_prefix_and_host(find))
    }

    /// Sets how a request's route is named in events. Defaults to its path; see
    /// [`SessionLayer::with_route_name`].
    #[must_use]
    pub fn with_route_name(self, name: fn(&Extensions) -> Option<&str>) -> Self {
        self.map_session(|session| session.with_route_name(name))
    }

    /// Sets how a request's target is found as the client sent it. Defaults to
    /// the request's URI; see [`SessionLayer::with_original_uri`].
    #[must_use]
    pub fn with_original_uri(self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.map_session(|session| session.with_original_uri(find))
    }

    /// Sets how many event streams and WebSockets a session may have open on this
    /// node. The next one is refused with 429 `too_many_streams`, at which an
    /// `EventSource` gives up. Defaults to 32. Clones of the layer share the
    /// number.
    #[must_use]
    pub fn with_max_streams(self, max: usize) -> Self {
        self.map_session(|session| session.with_max_streams(max))
    }

    /// Starts no reaper. Use it if a [`Reaper`](crate::Reaper) runs elsewhere on
    /// the same store; otherwise ends are found by requests only.
    #[must_use]
    pub fn without_reaper(self) -> Self {
        self.map_session(SessionLayer::without_reaper)
    }

    /// Leaves answers that depend on the session without `Cache-Control` if their
    /// handler sets none. By default they get `no-store`, so that no cache gives one
    /// person's page to another.
    #[must_use]
    pub fn without_no_store(self) -> Self {
        self.map_session(SessionLayer::without_no_store)
    }

    /// Returns the manager as the stack uses it, with its store bounded.
    #[must_use]
    pub fn manager(&self) -> &SessionManager {
        self.session.manager()
    }

    /// Returns the policies in force. A reload replaces them.
    #[must_use]
    pub fn policies(&self) -> &LivePolicies {
        self.manager().policies()
    }

    /// Ends the open event streams of this node, and those that are opened from
    /// now on. Call it when the server begins to shut down: a server waits for
    /// its connections, and event streams do not end while their session lives.
    /// The sessions go on, and an `EventSource` connects again, to another node
    /// where there is one. Other bodies and WebSockets are not affected.
    ///
    /// ```
    /// use dwell_tower::SessionTimeoutLayer;
    ///
    /// async fn stopped(signal: impl Future<Output = ()>, layer: SessionTimeoutLayer) {
    ///     signal.await;
    ///     layer.end_event_streams();
    /// }
    /// ```
    pub fn end_event_streams(&self) {
        self.session.end_event_streams();
    }

    /// Waits until every touch so far is recorded or lost. Call it after the
    /// server has stopped, so that no user loses the last second of activity. A
    /// local store has nothing to wait for.
    ///
    /// ```
    /// use dwell_tower::SessionTimeoutLayer;
    ///
    /// async fn shut_down(layer: SessionTimeoutLayer) {
    ///     // Here the server has answered its last request.
    ///     layer.flush().await;
    /// }
    /// ```
    pub async fn flush(&self) {
        self.session.flush().await;
    }
}

impl<F> Clone for SessionTimeoutLayer<F> {
    fn clone(&self) -> Self {
        Self {
            session: self.session.clone(),
            pages: self.pages.clone(),
            forwarded: self.forwarded,
        }
    }
}

impl<F> fmt::Debug for SessionTimeoutLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTimeoutLayer")
            .field("session", &self.session)
            .field("gates", self.session.gates())
            .field("pages", &self.pages)
            .finish()
    }
}

impl<S, F> Layer<S> for SessionTimeoutLayer<F> {
    type Service = SessionTimeout<S, F>;

    fn layer(&self, inner: S) -> Self::Service {
        self.session.layer(inner)
    }
}
