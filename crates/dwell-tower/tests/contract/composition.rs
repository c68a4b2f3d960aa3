//! The layers among others: any body of bytes, borrowed and unsendable services,
//! buffers and limits.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use dwell_core::{EndReason, seconds};
use dwell_tower::idle::{PolicyLayer, SessionRequirement};
use dwell_tower::open::SessionBody;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::task::JoinSet;
use tower::buffer::Buffer;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};

use crate::support::{Body, Inner, Probe, World, called, get, poll_once, stack};

/// A custom body: not `Sync`, and not made from bytes.
#[derive(Debug)]
struct Text(Cell<Option<&'static str>>);

impl Text {
    fn new(text: &'static str) -> Self {
        Self(Cell::new(Some(text)))
    }
}

impl http_body::Body for Text {
    type Data = Bytes;
    type Error = std::fmt::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::fmt::Error>>> {
        let text = self.0.take().map(|text| Ok(Frame::data(Bytes::from(text))));
        Poll::Ready(text)
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.0.get().map_or(0, str::len);
        SizeHint::with_exact(length.try_into().unwrap())
    }
}

async fn read<B>(body: B) -> String
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let bytes = body.collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}

#[tokio::test]
async fn stack_takes_any_body_of_bytes() {
    let world = World::new();
    let token = world.sign_in().await;
    let dead = world.sign_in().await;
    world
        .local
        .end_session(dead.key(), EndReason::Revoked)
        .await
        .unwrap();
    for (name, manager) in world.managers() {
        let serve = async |_: Request<SessionBody<Body>>| {
            Ok::<_, Infallible>(Response::new(Text::new("served")))
        };
        let stack = stack(&manager).with_requirement(SessionRequirement::Required);
        let service = stack.layer(tower::service_fn(serve));
        let answer = service.clone().oneshot(get("/", &token)).await.unwrap();
        let served: SessionBody<Text> = answer.into_body();
        assert_eq!(read(served).await, "served", "{name}");
        let answer = service.oneshot(get("/", &dead)).await.unwrap();
        let refused = read(answer.into_body()).await;
        assert!(
            refused.contains(r#""reason":"revoked""#),
            "{name}: {refused}"
        );
    }
}

/// A body made from bytes, as layers used alone need it.
#[derive(Debug)]
struct Made(Body);

impl From<Bytes> for Made {
    fn from(bytes: Bytes) -> Self {
        Self(bytes.into())
    }
}

impl http_body::Body for Made {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }
}

#[tokio::test]
async fn layers_inside_take_any_body_made_from_bytes() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, manager) in world.managers() {
        for (policy, expected) in [("admin", "served"), ("nowhere", "problem")] {
            let layers = ServiceBuilder::new()
                .layer(stack(&manager))
                .layer(PolicyLayer::new(policy));
            let service = layers.service(Probe::<Made>::new());
            let answer = service.oneshot(get("/", &token)).await.unwrap();
            let text = match answer.status().as_u16() {
                500 => answer.headers()["content-type"]
                    .to_str()
                    .unwrap()
                    .to_owned(),
                _ => read(answer.into_body()).await,
            };
            assert!(text.contains(expected), "{name}, {policy}: {text}");
        }
    }
}

/// Neither `Send` nor `Sync`, and it borrows.
#[derive(Clone, Debug)]
struct Borrowing<'a>(&'a Cell<u32>);

impl<'a> Service<Request<SessionBody<Body>>> for Borrowing<'a> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + 'a>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<SessionBody<Body>>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            this.0.set(this.0.get() + 1);
            let text = read(request.into_body()).await;
            Ok(Response::new(Bytes::from(text).into()))
        })
    }
}

#[tokio::test]
async fn services_may_borrow_and_need_not_be_send() {
    let world = World::new();
    let token = world.sign_in().await;
    let calls = Cell::new(0);
    for (name, manager) in world.managers() {
        let layers = ServiceBuilder::new()
            .layer(stack(&manager))
            .layer(PolicyLayer::new("admin"));
        let service = layers.service(Borrowing(&calls));
        let request = get("/", &token).map(|_| Body::from("mine"));
        let answer = service.oneshot(request).await.unwrap();
        assert_eq!(read(answer.into_body()).await, "mine", "{name}");
    }
    assert_eq!(calls.get(), 2);
}

/// Sends eight requests at the same time; all are served.
async fn eight<S, B>(service: S, world: &World, path: &'static str)
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    let token = world.sign_in().await;
    let before = world.probe.calls();
    let mut answers = JoinSet::new();
    for _ in 0..8 {
        answers.spawn(service.clone().oneshot(get(path, &token)));
    }
    while let Some(answer) = answers.join_next().await {
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }
    assert_eq!(world.probe.calls() - before, 8);
}

#[tokio::test(start_paused = true)]
async fn buffer_around_stack_serves_all() {
    let world = World::new();
    world.store.delay(seconds(1));
    for (_, manager) in world.managers() {
        eight(Buffer::new(world.app(&manager), 4), &world, "/yield").await;
    }
}

#[tokio::test(start_paused = true)]
async fn buffer_inside_stack_serves_all() {
    let world = World::new();
    world.store.delay(seconds(1));
    for (_, manager) in world.managers() {
        let inside = Buffer::new(Inner::new(world.probe.clone()), 4);
        eight(stack(&manager).layer(inside), &world, "/yield").await;
    }
}

#[tokio::test(start_paused = true)]
async fn limit_inside_stack_is_kept_and_serves_all() {
    let world = World::new();
    world.store.delay(seconds(1));
    for (name, manager) in world.managers() {
        let layers = ServiceBuilder::new()
            .layer(stack(&manager))
            .concurrency_limit(1);
        eight(layers.service(world.probe.clone()), &world, "/yield").await;
        assert_eq!(world.probe.most(), 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn limit_around_stack_is_kept_and_serves_all() {
    let world = World::new();
    world.store.delay(seconds(1));
    for (name, manager) in world.managers() {
        let layers = ServiceBuilder::new()
            .concurrency_limit(1)
            .layer(stack(&manager));
        eight(layers.service(world.probe.clone()), &world, "/yield").await;
        assert_eq!(world.probe.most(), 1, "{name}");
    }
}

#[tokio::test]
async fn client_leaving_during_look_up_frees_inner_place() {
    let world = World::new();
    let token = world.sign_in().await;
    world.store.hang();
    let layers = ServiceBuilder::new()
        .layer(stack(&world.remote))
        .concurrency_limit(1);
    let mut service = layers.service(world.probe.clone());
    let mut waiting = Box::pin(called(&mut service, get("/", &token)).await);
    assert!(poll_once(&mut waiting).await.is_pending());
    let mut clone = service.clone();
    let mut place = Box::pin(ServiceExt::<Request<Body>>::ready(&mut clone));
    assert!(poll_once(&mut place).await.is_pending());
    drop(waiting);
    assert!(poll_once(&mut place).await.is_ready());
    drop(place);
    drop(clone);
    world.store.heal();
    assert_eq!(
        service.oneshot(get("/", &token)).await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn refusal_by_unreachable_store_frees_inner_place() {
    let world = World::new();
    let token = world.sign_in().await;
    world.store.fail();
    let layers = ServiceBuilder::new()
        .layer(stack(&world.remote))
        .concurrency_limit(1);
    let mut service = layers.service(world.probe.clone());
    let refused = called(&mut service, get("/", &token)).await.await.unwrap();
    assert_eq!(refused.status(), 503);
    world.store.heal();
    // The refused request's service is still there and takes no place.
    let mut clone = service.clone();
    let mut place = Box::pin(ServiceExt::<Request<Body>>::ready(&mut clone));
    assert!(poll_once(&mut place).await.is_ready());
    drop(place);
    let answer = clone.call(get("/", &token)).await.unwrap();
    assert_eq!(answer.status(), 200);
}
