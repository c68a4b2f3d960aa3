//! Errors of the inner service pass unchanged and are no activity; refused
//! requests never reach it.

use dwell_core::{AdoptedSession, AuthenticationRequirement, EndReason, PolicySet, minutes};
use dwell_tower::idle::{IdleTimeoutLayer, PolicyLayer};
use dwell_tower::network::{NetworkLayer, Peer};
use dwell_tower::session::AdoptedSource;
use dwell_tower::step_up::StepUpLayer;
use http::StatusCode;
use tower::{Layer, ServiceExt};

use crate::support::{
    AnyLayer, Body, Broken, Inner, World, default_policy, gates, get, layers, stack,
};

#[tokio::test]
async fn inner_error_passes_unchanged() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, layer) in layers(&world) {
        let service = layer.layer(Inner::new(world.probe.clone()));
        let error = service
            .oneshot(world.decided("/fail", &token))
            .await
            .unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Broken(7)), "{name}");
    }
}

#[tokio::test]
async fn n09_inner_error_is_no_activity() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let token = world.sign_in().await;
        let login = world.now();
        let stack = stack(&manager);
        for path in ["/fail", "/"] {
            world.clock.advance(minutes(1));
            let _ = world.app_of(&stack).oneshot(get(path, &token)).await;
            stack.flush().await;
            let moved = world.last_active(&token) > login;
            assert_eq!(moved, path == "/", "{name}: {path}");
        }
    }
}

/// A layer that refuses the request, and the status.
type Refusing = (&'static str, AnyLayer, http::Request<Body>, StatusCode);

async fn refusing(world: &World) -> Vec<Refusing> {
    let token = world.sign_in().await;
    let mut all = Vec::new();
    // None of these is inside a session layer.
    for (name, layer) in gates() {
        all.push((
            name,
            layer,
            get("/", &token),
            StatusCode::INTERNAL_SERVER_ERROR,
        ));
    }
    let mut strangers = world.decided("/", &token);
    strangers.extensions_mut().remove::<Peer>();
    let network = AnyLayer::new(NetworkLayer::new());
    all.push((
        "network",
        network,
        strangers,
        StatusCode::INTERNAL_SERVER_ERROR,
    ));
    let policy = AnyLayer::new(PolicyLayer::new("nowhere"));
    let request = world.decided("/", &token);
    all.push(("policy", policy, request, StatusCode::INTERNAL_SERVER_ERROR));
    let never = StepUpLayer::new(AuthenticationRequirement::within(minutes(5)).with_amr(["dna"]));
    let request = world.decided("/", &token);
    all.push((
        "step-up",
        AnyLayer::new(never),
        request,
        StatusCode::UNAUTHORIZED,
    ));

    let source = AdoptedSource::new(|_, _| -> Option<AdoptedSession> { panic!("told to panic") });
    let source = AnyLayer::new(stack(&world.local).with_source(source));
    all.push((
        "source",
        source,
        get("/", &token),
        StatusCode::INTERNAL_SERVER_ERROR,
    ));

    let dead = world.sign_in().await;
    world
        .local
        .end_session(dead.key(), EndReason::Revoked)
        .await
        .unwrap();
    for (_, manager) in world.managers() {
        let stack = AnyLayer::new(stack(&manager));
        all.push(("stack", stack, get("/", &dead), StatusCode::UNAUTHORIZED));
    }
    // The clock moves last, so that the requests above are decided before.
    world.clock.advance(minutes(15));
    let idle = AnyLayer::new(IdleTimeoutLayer::new());
    all.push((
        "idle",
        idle,
        world.decided("/", &token),
        StatusCode::UNAUTHORIZED,
    ));
    all
}

#[tokio::test]
async fn refused_request_never_reaches_inner_service() {
    let policies = PolicySet::builder(default_policy());
    let policies = policies
        .network("office", ["10.0.0.0/8"], minutes(10))
        .build()
        .unwrap();
    let world = World::with(policies);
    for (name, layer, request, status) in refusing(&world).await {
        let service = layer.layer(Inner::new(world.probe.clone()));
        let answer = service.oneshot(request).await.unwrap();
        assert_eq!(
            (answer.status(), world.probe.calls()),
            (status, 0),
            "{name}"
        );
    }
}
