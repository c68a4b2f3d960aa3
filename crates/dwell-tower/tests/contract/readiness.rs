//! The inner service is called on the instance that was made ready, and its
//! readiness is passed on.

use std::future::poll_fn;
use std::task::Poll;

use http::{Request, Response};
use tower::{BoxError, Service, ServiceExt};
use tower_test::mock::{self, Handle, Mock};

use crate::support::{App, Body, Broken, Inner, World, called, layers, poll_once};

type Mocked<Q, R> = (Mock<Q, R>, Handle<Q, R>);

fn mocked() -> Mocked<Request<Body>, Response<Body>> {
    mock::pair()
}

async fn poll_ready(service: &mut App) -> Poll<Result<(), BoxError>> {
    poll_fn(|cx| Poll::Ready(service.poll_ready(cx))).await
}

#[tokio::test]
async fn instance_made_ready_is_called() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, layer) in layers(&world) {
        let mut service = App::new(tower::Layer::layer(&layer, Inner::new(world.probe.clone())));
        let before = world.probe.calls();
        for _ in 0..3 {
            let answer = called(&mut service, world.decided("/", &token)).await;
            assert_eq!(answer.await.unwrap().status(), 200, "{name}");
        }
        assert_eq!(world.probe.calls() - before, 3, "{name}");
    }
}

#[tokio::test]
async fn clone_between_ready_and_call_keeps_readiness() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, layer) in layers(&world) {
        let mut service = App::new(tower::Layer::layer(&layer, Inner::new(world.probe.clone())));
        let before = world.probe.calls();
        service.ready().await.unwrap();
        let mut clone = service.clone();
        let first = service.call(world.decided("/", &token));
        let mut clone_of_called = service.clone();
        let second = called(&mut clone, world.decided("/", &token)).await;
        let third = called(&mut clone_of_called, world.decided("/", &token)).await;
        for answer in [third, first, second] {
            assert_eq!(answer.await.unwrap().status(), 200, "{name}");
        }
        assert_eq!(world.probe.calls() - before, 3, "{name}");
    }
}

#[tokio::test]
async fn overtaking_requests_keep_their_ready_instance() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, layer) in layers(&world) {
        let mut service = App::new(tower::Layer::layer(&layer, Inner::new(world.probe.clone())));
        let before = world.probe.calls();
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(called(&mut service, world.decided("/yield", &token)).await);
        }
        drop(service);
        for answer in answers.into_iter().rev() {
            assert_eq!(answer.await.unwrap().status(), 200, "{name}");
        }
        assert_eq!(world.probe.calls() - before, 3, "{name}");
    }
}

#[tokio::test]
async fn back_pressure_is_passed_on() {
    let world = World::new();
    for (name, layer) in layers(&world) {
        let (inner, mut handle) = mocked();
        let mut service = App::new(tower::Layer::layer(&layer, Inner::new(inner)));
        handle.allow(0);
        assert!(poll_ready(&mut service).await.is_pending(), "{name}");
        handle.allow(1);
        assert!(poll_ready(&mut service).await.is_ready(), "{name}");
    }
}

#[tokio::test]
async fn back_pressure_returns_after_call_that_waits_for_store() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, layer) in layers(&world) {
        let (inner, mut handle) = mocked();
        let mut service = App::new(tower::Layer::layer(&layer, Inner::new(inner)));
        handle.allow(1);
        let mut answer = called(&mut service, world.decided("/", &token)).await;
        // The request is on its way to the mock, which takes no other.
        assert!(poll_once(&mut answer).await.is_pending(), "{name}");
        assert!(poll_ready(&mut service).await.is_pending(), "{name}");
        let (_, respond) = handle.next_request().await.unwrap();
        respond.send_response(http::Response::default());
        assert_eq!(answer.await.unwrap().status(), 200, "{name}");
    }
}

#[tokio::test]
async fn poll_ready_error_passes_unchanged() {
    let world = World::new();
    for (name, layer) in layers(&world) {
        let (inner, mut handle) = mocked();
        let mut service = App::new(tower::Layer::layer(&layer, Inner::new(inner)));
        handle.send_error(Broken(3));
        let Poll::Ready(Err(error)) = poll_ready(&mut service).await else {
            panic!("{name} hides the error");
        };
        assert_eq!(error.downcast_ref(), Some(&Broken(3)), "{name}");
    }
}
