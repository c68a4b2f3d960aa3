//! The same stacks around a plain tower service: no axum, no router.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use dwell_axum::dwell_tower::SessionTimeoutLayer;
use dwell_axum::dwell_tower::step_up::StepUpLayer;
use dwell_axum::{Freshness, MemoryStore, SessionHandle, hours};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{ServiceBuilder, service_fn};
use tower_service::Service;

use super::floor::{self, FloorLayer};
use super::noop::NoopLayer;
use super::{dwell, tower_sessions};
use crate::contender::{Contender, Session, Tower, block_on};
use crate::traffic::{Kind, peer};

type Body = Full<Bytes>;

/// Answers at once, by a look at the request.
#[derive(Clone, Copy)]
struct Look(fn(&Request<Body>) -> bool);

impl Service<Request<Body>> for Look {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        ready(Ok(answer(self.0(&request))))
    }
}

fn answer(good: bool) -> Response<Body> {
    let mut response = Response::new(Full::from("ok"));
    if !good {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    response
}

/// The service alone.
pub fn bare() -> Box<dyn Contender> {
    let make = || Look(|_| true);
    Box::new(Tower::new(make, Session::None, Kind::default()))
}

/// Behind a layer that does nothing.
pub fn noop() -> Box<dyn Contender> {
    let make = || {
        ServiceBuilder::new()
            .layer(NoopLayer)
            .service(Look(|_| true))
    };
    Box::new(Tower::new(make, Session::None, Kind::default()))
}

/// Behind the floor layer.
pub fn floor() -> Box<dyn Contender> {
    let make = || {
        let look = Look(|request| floor::Deadline::is_in(request.extensions()));
        let layer = FloorLayer(floor::sessions_with_login());
        ServiceBuilder::new().layer(layer).service(look)
    };
    let cookie = floor::cookie_of(&floor::token_of(1));
    let floor = Tower::new(make, Session::Required, Kind::default());
    Box::new(floor.with_cookies(vec![cookie]))
}

/// Behind the full stack, step-up included.
pub fn dwell() -> Box<dyn Contender> {
    dwell_with(Kind::default())
}

/// The same, by passive requests.
pub fn dwell_passive() -> Box<dyn Contender> {
    dwell_with(Kind {
        passive: true,
        ..Kind::default()
    })
}

fn dwell_with(kind: Kind) -> Box<dyn Contender> {
    let manager = dwell::manager(MemoryStore::new());
    let cookie = block_on(dwell::start(&manager, "subject1"));
    let make = || {
        let stack = SessionTimeoutLayer::new(&manager).with_peer(peer);
        let recent = StepUpLayer::new(Freshness::within(hours(1)));
        let look = Look(|request| {
            let handle = request.extensions().get::<SessionHandle>();
            handle.and_then(SessionHandle::subject).is_some()
        });
        ServiceBuilder::new()
            .layer(stack.without_reaper())
            .layer(recent)
            .service(look)
    };
    let dwell = Tower::new(make, Session::Required, kind);
    Box::new(dwell.with_cookies(vec![cookie]))
}

/// Behind tower-sessions with a sliding idle timeout.
pub fn tower_sessions() -> Box<dyn Contender> {
    let store = ::tower_sessions::MemoryStore::default();
    let cookie = block_on(tower_sessions::start(&store, "subject1"));
    let make = || {
        let look = service_fn(async |request: Request<Body>| {
            let session = request.extensions().get::<::tower_sessions::Session>();
            let good = match session {
                Some(session) => tower_sessions::is_logged_in(session).await,
                None => false,
            };
            Ok::<_, Infallible>(answer(good))
        });
        let layer = tower_sessions::layer(store, true);
        ServiceBuilder::new().layer(layer).service(look)
    };
    let peer = Tower::new(make, Session::Required, Kind::default());
    Box::new(peer.with_cookies(vec![cookie]))
}
