//! Misconfigured stacks answer 500 and name what is missing.

use dwell_core::{AuthenticationRequirement, EventKind, Policy, PolicySet, minutes};
use dwell_testkit::TestClient;
use dwell_tower::idle::{IdleTimeoutLayer, PolicyLayer};
use dwell_tower::network::{NetworkLayer, Peer};
use dwell_tower::session::SessionLayer;
use dwell_tower::step_up::StepUpLayer;
use http::{Request, Response};
use tower::{Layer, ServiceBuilder, ServiceExt};

use dwell_test_support::Log;

use crate::support::{
    AnyLayer, App, Body, Inner, World, default_policy, gates, get, layers, missing, stack,
};

fn session(manager: &dwell_core::SessionManager) -> SessionLayer {
    SessionLayer::new(manager).without_reaper()
}

async fn send(world: &World, layer: &AnyLayer, request: Request<Body>) -> Response<Body> {
    let service = layer.layer(Inner::new(world.probe.clone()));
    service.oneshot(request).await.unwrap()
}

fn anonymous(path: &str) -> Request<Body> {
    Request::get(path).body(Body::default()).unwrap()
}

#[tokio::test]
async fn l16_layer_without_session_layer_answers_500_and_names_it() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, layer) in gates() {
        for request in [anonymous("/"), get("/", &token)] {
            let answer = send(&world, &layer, request).await;
            assert_eq!(answer.status(), 500, "{name}");
            assert_eq!(
                missing(&answer),
                format!("the session layer, outside {name}")
            );
        }
    }
    assert_eq!(world.probe.calls(), 0);
}

#[tokio::test]
async fn l16_session_layer_without_idle_timeout_layer_serves_nothing() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let token = world.sign_in().await;
        let alone = AnyLayer::new(session(&manager));
        for request in [anonymous("/"), get("/", &token), anonymous("/login")] {
            let answer = send(&world, &alone, request).await;
            assert_eq!(answer.status(), 500, "{name}");
            assert!(
                missing(&answer).contains("the idle timeout layer"),
                "{name}"
            );
            let headers = answer.headers();
            assert!(!headers.contains_key("set-cookie"), "{name}");
            assert!(!headers.contains_key("session-timeout"), "{name}");
        }
    }
}

#[tokio::test]
async fn l16_request_through_unenforced_stack_is_no_activity() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let token = world.sign_in().await;
        let login = world.now();
        world.clock.advance(minutes(1));
        let layer = session(&manager);
        send(&world, &AnyLayer::new(layer.clone()), get("/", &token)).await;
        layer.flush().await;
        assert_eq!(world.last_active(&token), login, "{name}");
    }
    assert_eq!(world.store.writes(), 0);
}

#[tokio::test]
async fn l16_policy_and_step_up_routes_need_idle_timeout_layer() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, manager) in world.managers() {
        let policy = ServiceBuilder::new()
            .layer(session(&manager))
            .layer(PolicyLayer::new("admin"));
        let step_up = StepUpLayer::new(AuthenticationRequirement::by_policy());
        let step_up = ServiceBuilder::new()
            .layer(session(&manager))
            .layer(step_up);
        let policy = AnyLayer::new(policy.into_inner());
        let step_up = AnyLayer::new(step_up.into_inner());
        for layer in [policy, step_up] {
            for request in [anonymous("/"), get("/", &token)] {
                let answer = send(&world, &layer, request).await;
                assert_eq!(answer.status(), 500, "{name}");
                assert!(
                    missing(&answer).contains("the idle timeout layer"),
                    "{name}"
                );
            }
        }
    }
    assert_eq!(world.probe.calls(), 0);
}

#[tokio::test]
async fn l16_idle_timeout_layer_outside_session_layer_answers_500() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, manager) in world.managers() {
        let wrong = ServiceBuilder::new()
            .layer(IdleTimeoutLayer::new())
            .layer(session(&manager));
        let answer = send(&world, &AnyLayer::new(wrong.into_inner()), get("/", &token)).await;
        assert_eq!(answer.status(), 500, "{name}");
        assert!(missing(&answer).contains("the session layer"), "{name}");
    }
    assert_eq!(world.probe.calls(), 0);
}

#[tokio::test]
async fn l16_unknown_policy_answers_500_and_is_named() {
    let world = World::new();
    let token = world.sign_in().await;
    let route = PolicyLayer::new("treasury");
    for (name, manager) in world.managers() {
        let layers = ServiceBuilder::new()
            .layer(stack(&manager))
            .layer(route.clone());
        let layers = AnyLayer::new(layers.into_inner());
        for request in [anonymous("/"), get("/", &token)] {
            let answer = send(&world, &layers, request).await;
            assert_eq!(answer.status(), 500, "{name}");
            assert!(
                missing(&answer).contains(r#"the policy "treasury""#),
                "{name}"
            );
        }
    }
    assert_eq!(world.probe.calls(), 0);
}

#[tokio::test]
async fn l16_policy_removed_by_reload_closes_its_routes() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, manager) in world.managers() {
        let both = |admin: bool| {
            let mut set = PolicySet::builder(default_policy());
            if admin {
                set = set.policy(Policy::named("admin").idle(minutes(5)));
            }
            manager.policies().replace(set.build().unwrap());
        };
        let layers = ServiceBuilder::new()
            .layer(stack(&manager))
            .layer(PolicyLayer::new("admin"));
        let layers = AnyLayer::new(layers.into_inner());
        for admin in [true, false, true] {
            both(admin);
            let answer = send(&world, &layers, get("/", &token)).await;
            assert_eq!(answer.status(), if admin { 200 } else { 500 }, "{name}");
        }
    }
}

#[tokio::test]
async fn l16_networks_without_client_address_answer_500() {
    let policies = PolicySet::builder(default_policy());
    let policies = policies
        .network("office", ["10.0.0.0/8"], minutes(30))
        .build()
        .unwrap();
    let world = World::with(policies);
    let token = world.sign_in().await;
    for (name, manager) in world.managers() {
        let alone = ServiceBuilder::new()
            .layer(session(&manager))
            .layer(NetworkLayer::new());
        let alone = alone.layer(IdleTimeoutLayer::new()).into_inner();
        for layer in [AnyLayer::new(alone), AnyLayer::new(stack(&manager))] {
            let calls = world.probe.calls();
            let mut stranger = get("/", &token);
            stranger.extensions_mut().remove::<Peer>();
            for request in [anonymous("/"), stranger] {
                let answer = send(&world, &layer, request).await;
                assert_eq!(answer.status(), 500, "{name}");
                assert!(missing(&answer).contains("the peer's address"), "{name}");
            }
            assert_eq!(world.probe.calls(), calls);
            assert_eq!(
                send(&world, &layer, get("/", &token)).await.status(),
                200,
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn no_address_is_needed_without_networks() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, manager) in world.managers() {
        let mut request = get("/", &token);
        request.extensions_mut().remove::<Peer>();
        let answer = send(&world, &AnyLayer::new(stack(&manager)), request).await;
        assert_eq!(answer.status(), 200, "{name}");
    }
}

#[tokio::test]
async fn l16_client_does_not_learn_what_is_missing() {
    let world = World::new();
    for (name, layer) in gates() {
        let service = layer.layer(Inner::new(world.probe.clone()));
        let answer = TestClient::new(App::new(service)).get("/").await;
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{name}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        assert_eq!(answer.reason(), None, "{name}");
        assert!(
            !answer.text().contains("layer"),
            "{name}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn correctly_wired_stack_serves() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, layer) in layers(&world) {
        let answer = send(&world, &layer, world.decided("/", &token)).await;
        assert_eq!(answer.status(), 200, "{name}");
    }
    assert_eq!(world.events.kinds(), [EventKind::SessionCreated]);
}

#[tokio::test]
async fn n96_privileged_route_nothing_can_meet_answers_500() {
    let (log, _guard) = Log::keep();
    let world = World::new();
    let token = world.sign_in().await;
    let never = StepUpLayer::new(AuthenticationRequirement::within(minutes(0)));
    let text = log.take();
    assert!(
        text.contains("ERROR") && text.contains("an age above zero"),
        "{text}"
    );
    let layer = AnyLayer::new(never);
    let answer = send(&world, &layer, world.decided("/", &token)).await;
    assert_eq!(answer.status(), 500);
    assert!(missing(&answer).contains("an age above zero"));
    assert_eq!(world.events.count(EventKind::StepUpRequired), 0);
    assert_eq!(world.probe.calls(), 0);
}
