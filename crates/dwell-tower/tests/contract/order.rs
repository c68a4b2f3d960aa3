//! The layers decide alike in every order.

use std::net::IpAddr;

use dwell_core::{
    AuthenticationRequirement, Fetch, Policy, PolicySet, RequestEvidence, Unmarked, minutes,
};
use dwell_tower::activity::{ActivityLayer, MarkLayer};
use dwell_tower::idle::{IdleTimeoutLayer, PolicyLayer};
use dwell_tower::network::{NetworkLayer, Peer};
use dwell_tower::session::SessionLayer;
use dwell_tower::step_up::StepUpLayer;
use http::{HeaderMap, Method, Request, StatusCode};
use tower::{Layer, ServiceExt};

use crate::support::{AnyLayer, Body, Inner, World, default_policy, get};

/// Returns every order of these.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (ix, first) in items.iter().enumerate() {
        let mut rest = items.to_vec();
        rest.remove(ix);
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

type Named = (&'static str, AnyLayer);

fn network() -> Named {
    ("network", AnyLayer::new(NetworkLayer::new()))
}

fn activity() -> Named {
    ("activity", AnyLayer::new(ActivityLayer::new()))
}

fn idle() -> Named {
    ("idle", AnyLayer::new(IdleTimeoutLayer::new()))
}

fn active() -> Named {
    ("active", AnyLayer::new(MarkLayer::active()))
}

fn passive() -> Named {
    ("passive", AnyLayer::new(MarkLayer::passive()))
}

/// Sends a request through these layers, the first outermost, inside a session
/// layer.
async fn send(world: &World, layers: &[Named], request: Request<Body>) -> StatusCode {
    let inner = Inner::new(world.probe.clone());
    let inner = layers
        .iter()
        .rev()
        .fold(inner, |inner, (_, layer)| layer.layer(inner));
    let session = SessionLayer::new(&world.local).without_reaper();
    session
        .layer(inner)
        .oneshot(request)
        .await
        .unwrap()
        .status()
}

fn names(layers: &[Named]) -> String {
    let names: Vec<_> = layers.iter().map(|(name, _)| *name).collect();
    names.join(" > ")
}

/// Header fields, and whether they let a request be activity.
const EVIDENCE: [(&[(&str, &str)], bool); 6] = [
    (&[], true),
    (&[("session-activity", "active")], true),
    (&[("session-activity", "passive")], false),
    (&[("session-activity", "Active")], false),
    (&[("sec-purpose", "prefetch")], false),
    (&[("sec-fetch-site", "cross-site")], false),
];

/// Whether a request with these fields through these layers is activity.
async fn is_activity(world: &World, layers: &[Named], fields: &[(&'static str, &str)]) -> bool {
    let token = world.sign_in().await;
    let login = world.now();
    world.clock.advance(minutes(1));
    let mut request = get("/", &token);
    for (name, value) in fields {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    assert_eq!(send(world, layers, request).await, 200);
    world.last_active(&token) > login
}

#[tokio::test]
async fn n04_activity_is_same_in_every_layer_order() {
    for unmarked in [Unmarked::Active, Unmarked::Passive] {
        let policy = default_policy().unmarked(unmarked);
        let world = World::with(PolicySet::builder(policy).build().unwrap());
        for marks in [
            vec![],
            vec![active()],
            vec![passive()],
            vec![active(), passive()],
        ] {
            let marked = |name: &str| marks.iter().any(|(mark, _)| *mark == name);
            let mut layers = vec![network(), activity(), idle()];
            layers.extend(marks.iter().cloned());
            for order in orders(&layers) {
                for (fields, lets) in EVIDENCE {
                    let declared = fields == [("session-activity", "active")];
                    let counts = unmarked == Unmarked::Active || marked("active") || declared;
                    let expected = lets && counts && !marked("passive");
                    let is = is_activity(&world, &order, fields).await;
                    let order = names(&order);
                    assert_eq!(is, expected, "{unmarked:?}, {order}, {fields:?}");
                }
            }
        }
    }
}

/// A custom classification beside the default one.
fn uptime() -> Named {
    let classify = |_: &Method, headers: &HeaderMap| {
        let mut evidence = RequestEvidence::default();
        if headers.contains_key("x-uptime-check") {
            evidence.fetch = Fetch::Background;
        }
        evidence
    };
    let layer = ActivityLayer::new().with_classifier(classify);
    ("uptime", AnyLayer::new(layer))
}

#[tokio::test]
async fn n04_weakest_classification_counts_in_every_order() {
    let world = World::new();
    let check = ("x-uptime-check", "1");
    let passive = ("session-activity", "passive");
    for order in orders(&[activity(), uptime(), idle()]) {
        for (fields, expected) in [
            (vec![], true),
            (vec![check], false),
            (vec![passive], false),
            (vec![check, passive], false),
        ] {
            let is = is_activity(&world, &order, &fields).await;
            assert_eq!(is, expected, "{}, {fields:?}", names(&order));
        }
    }
}

/// Half an hour for the office, five minutes for the café, 15 elsewhere.
fn networks() -> World {
    let set = PolicySet::builder(default_policy())
        .network("office", ["10.0.0.0/8"], minutes(30))
        .network("cafe", ["192.168.0.0/16"], minutes(5));
    World::with(set.build().unwrap())
}

const OFFICE: [u8; 4] = [10, 0, 0, 1];
const CAFE: [u8; 4] = [192, 168, 0, 1];
const HOME: [u8; 4] = [203, 0, 113, 1];

/// A session that was last used from `before` and comes back from `now` after
/// `pause` minutes.
async fn returns(
    world: &World,
    layers: &[Named],
    before: [u8; 4],
    now: [u8; 4],
    pause: u64,
) -> StatusCode {
    let token = world.sign_in().await;
    let from = |address: [u8; 4]| {
        let mut request = get("/", &token);
        request
            .extensions_mut()
            .insert(Peer((IpAddr::from(address), 4_711).into()));
        request
    };
    let right = [network(), activity(), idle()];
    world.clock.advance(minutes(1));
    assert_eq!(send(world, &right, from(before)).await, 200);
    world.clock.advance(minutes(pause));
    send(world, layers, from(now)).await
}

/// From where to where, after how many minutes, and whether the session lives.
const MOVES: [([u8; 4], [u8; 4], u64, u16); 10] = [
    (OFFICE, OFFICE, 29, 200),
    (OFFICE, OFFICE, 30, 401),
    (OFFICE, HOME, 14, 200),
    (OFFICE, HOME, 15, 401),
    (OFFICE, CAFE, 4, 200),
    (OFFICE, CAFE, 5, 401),
    (CAFE, OFFICE, 4, 200),
    (CAFE, OFFICE, 5, 401),
    (HOME, OFFICE, 14, 200),
    (HOME, OFFICE, 15, 401),
];

#[tokio::test]
async fn l07_verdict_is_same_in_every_order_outside_idle_layer() {
    let world = networks();
    for mut order in orders(&[network(), activity(), active()]) {
        order.push(idle());
        for (before, now, pause, expected) in MOVES {
            let status = returns(&world, &order, before, now, pause).await;
            let order = names(&order);
            assert_eq!(
                status, expected,
                "{order}: {before:?} to {now:?}, {pause} min"
            );
        }
    }
}

/// Inside the idle timeout layer the network comes too late for the verdict. The
/// stack may then refuse more requests, and must not admit more.
#[tokio::test]
async fn l16_network_layer_inside_idle_layer_prolongs_nothing() {
    let world = networks();
    for order in orders(&[network(), activity(), idle()]) {
        for (before, now, pause, expected) in MOVES {
            let status = returns(&world, &order, before, now, pause).await;
            let order = names(&order);
            let admitted = status == 200;
            let may = expected == 200;
            assert!(
                may || !admitted,
                "{order}: {before:?} to {now:?}, {pause} min"
            );
        }
    }
}

#[tokio::test]
async fn l06_strictest_policy_counts_in_every_order() {
    let short = Policy::named("short").idle(minutes(5));
    let shorter = Policy::named("shorter").idle(minutes(2));
    let set = PolicySet::builder(default_policy())
        .policy(short)
        .policy(shorter);
    let world = World::with(set.build().unwrap());
    let policy = |name| (name, AnyLayer::new(PolicyLayer::new(name)));
    for order in orders(&[policy("short"), policy("shorter"), activity(), active()]) {
        let mut layers = vec![network(), idle()];
        layers.extend(order);
        for (pause, expected) in [(1, 200), (2, 401), (4, 401), (5, 401)] {
            let token = world.sign_in().await;
            world.clock.advance(minutes(pause));
            let status = send(&world, &layers, get("/", &token)).await;
            assert_eq!(status, expected, "{}: {pause} min", names(&layers));
        }
    }
}

#[tokio::test]
async fn l06_policy_tightens_step_up_in_either_order() {
    let strict = Policy::named("strict").reauthenticate(minutes(1));
    let world = World::with(
        PolicySet::builder(default_policy())
            .policy(strict)
            .build()
            .unwrap(),
    );
    let policy = ("policy", AnyLayer::new(PolicyLayer::new("strict")));
    let step_up = (
        "step-up",
        AnyLayer::new(StepUpLayer::new(AuthenticationRequirement::by_policy())),
    );
    for order in orders(&[policy, step_up]) {
        let mut layers = vec![network(), activity(), idle()];
        layers.extend(order);
        for (age, expected) in [(0, 200), (1, 401), (3, 401), (5, 401)] {
            let token = world.sign_in().await;
            world.clock.advance(minutes(age));
            let status = send(&world, &layers, get("/", &token)).await;
            assert_eq!(status, expected, "{}: {age} min", names(&layers));
        }
    }
}
