//! The client's address: axum's `ConnectInfo`, proxies, and the idle allowance of
//! a network.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::connect_info::{ConnectInfo, MockConnectInfo};
use axum::routing::get;
use dwell_axum::dwell_tower::network::Peer;
use dwell_axum::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::support::{
    COOKIE, Client, World, client, document, get_request, get_with, idle_left, outcome, signed_in,
    token, verdict,
};

const OFFICE: &str = "10.20.1.1";
const CAFE: &str = "198.51.100.7";

/// 30 minutes in the office, 15 elsewhere.
fn with_office(client_ip: ClientIp) -> PolicySet {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    PolicySet::builder(default)
        .network("office", ["10.20.0.0/16", "2001:db8:7::/48"], minutes(30))
        .client_ip(client_ip)
        .build()
        .unwrap()
}

fn world() -> World {
    World::with(with_office(ClientIp::default()))
}

/// Moves the session to another address.
fn moved(world: &World, client: &Client, to: &str) -> Client {
    let mut there = world.client_at(to, Router::new());
    there.set_cookie(COOKIE, &token(client));
    there
}

async fn alice_at(world: &World, address: &str) -> Client {
    signed_in(world.client_at(address, Router::new()), "alice").await
}

#[tokio::test]
async fn l07_office_allowance_applies_in_office() {
    let world = world();
    for address in [OFFICE, "2001:db8:7::1", "::ffff:10.20.1.1"] {
        let mut alice = alice_at(&world, address).await;
        world.clock.advance(minutes(29));
        let now = document(&alice.get("/session").await);
        assert_eq!(now["set_by"], "network office", "{address}");
        assert_eq!(now["network"], "office", "{address}");
        world.clock.advance(minutes(1));
        assert_eq!(verdict(&mut alice).await, "401 idle_timeout", "{address}");
    }
}

#[tokio::test]
async fn l07_office_allowance_does_not_apply_in_cafe() {
    let world = world();
    let alice = alice_at(&world, OFFICE).await;
    world.clock.advance(minutes(10));
    let mut outside = moved(&world, &alice, CAFE);
    let now = document(&outside.get("/session").await);
    assert_eq!(now["set_by"], "policy default");
    assert_eq!(now["remaining_ms"], 5 * 60_000);
    world.clock.advance(minutes(5));
    assert_eq!(verdict(&mut outside).await, "401 idle_timeout");
}

#[tokio::test]
async fn l07_cafe_allowance_holds_until_activity_in_office() {
    let world = world();
    let alice = alice_at(&world, CAFE).await;
    world.clock.advance(minutes(10));
    let mut inside = moved(&world, &alice, OFFICE);
    let now = document(&inside.get("/session").await);
    assert_eq!(now["set_by"], "policy default");
    assert_eq!(now["remaining_ms"], 5 * 60_000);
    // Activity in the office gets the office's allowance.
    assert_eq!(inside.get("/").await.status, 200);
    assert_eq!(
        document(&inside.get("/session").await)["remaining_ms"],
        30 * 60_000
    );
    let changed = world.events.count(EventKind::SessionNetworkChanged);
    assert_eq!(changed, 1);

    let bob = signed_in(world.client_at(CAFE, Router::new()), "bob").await;
    world.clock.advance(minutes(15));
    let mut inside = moved(&world, &bob, OFFICE);
    assert_eq!(verdict(&mut inside).await, "401 idle_timeout");
}

#[tokio::test]
async fn n33_leaving_office_after_cafe_allowance_ends_session() {
    let world = world();
    let mut alice = alice_at(&world, OFFICE).await;
    world.clock.advance(minutes(20));
    assert_eq!(verdict(&mut alice).await, "ok");
    let mut outside = moved(&world, &alice, CAFE);
    assert_eq!(verdict(&mut outside).await, "401 idle_timeout");
    // A poll ends nothing (law L18); a click does.
    assert_eq!(verdict(&mut alice).await, "ok");
    assert_eq!(outcome(&outside.get("/").await), "401 idle_timeout");
    assert_eq!(verdict(&mut alice).await, "401 idle_timeout");
}

#[tokio::test]
async fn l16_networks_without_client_address_are_500() {
    let world = world();
    let mut anybody = world.client(Router::new());
    let answer = anybody.get("/session").await;
    assert_eq!(outcome(&answer), "500");
    assert_eq!(anybody.post("/login", "alice").await.status, 500);
    assert!(world.memory.is_empty());
}

#[tokio::test]
async fn unknown_address_is_fine_without_networks() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    assert_eq!(alice.get("/").await.status, 200);
    assert_eq!(world.events.events()[0].client_ip, None);
    let at = alice_at(&world, CAFE).await;
    let events = world.events.events();
    assert_eq!(events[1].client_ip, Some(CAFE.parse().unwrap()));
    drop(at);
}

/// `ConnectInfo` of a real server takes precedence over `MockConnectInfo`, and
/// both over the `Peer` of another server.
#[tokio::test]
async fn connection_address_takes_precedence() {
    let socket = |address: &str| SocketAddr::new(address.parse().unwrap(), 1);
    let shown = get(
        async |s: Option<Session>, state: axum::Extension<SessionState>| {
            drop(s);
            state
                .client_ip()
                .map(|ip| ip.to_string())
                .unwrap_or_default()
        },
    );
    let world = World::new();
    let app = Router::new().route("/", shown).layer(world.stack.clone());
    let mocked = app.clone().layer(MockConnectInfo(socket("192.0.2.2")));
    for (app, real, expected) in [
        (&mocked, Some("192.0.2.1"), "192.0.2.1"),
        (&mocked, None, "192.0.2.2"),
        (&app, Some("192.0.2.1"), "192.0.2.1"),
        (&app, None, "192.0.2.3"),
    ] {
        let mut request = get_request("/");
        let extensions = request.extensions_mut();
        extensions.insert(Peer(socket("192.0.2.3")));
        if let Some(real) = real {
            extensions.insert(ConnectInfo(socket(real)));
        }
        let answer = app.clone().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn n32_forwarded_address_trusted_only_from_proxy() {
    let source = ClientIp::new(ClientIpSource::XForwardedFor, ["192.0.2.0/24"]).unwrap();
    let world = World::with(with_office(source));
    let proxy = "192.0.2.9";
    let alice = {
        let mut alice = world.client_at(proxy, Router::new());
        let through = [("x-forwarded-for", OFFICE)];
        let login = alice
            .send(http::Method::POST, "/login", &through, "alice")
            .await;
        assert_eq!(login.status, 200);
        alice
    };
    world.clock.advance(minutes(10));
    for (peer, forwarded, left) in [
        (proxy, "10.20.1.1", 20 * 60),
        (proxy, "203.0.113.5, 10.20.1.1", 20 * 60),
        (proxy, "10.20.1.1, 203.0.113.5", 5 * 60),
        (proxy, "10.20.1.1, nonsense", 5 * 60),
        (CAFE, "10.20.1.1", 5 * 60),
    ] {
        let mut there = moved(&world, &alice, peer);
        let through = [("x-forwarded-for", forwarded)];
        let answer = get_with(&mut there, "/poll", &through).await;
        assert_eq!(idle_left(&answer), left, "{peer}: {forwarded}");
    }
}

/// Sends a bare HTTP/1.1 request and returns the answer as text.
async fn exchange(to: SocketAddr, request: String) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn l07_real_connection_has_its_peer_address() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let loopback = PolicySet::builder(default).network("loopback", ["127.0.0.0/8"], minutes(20));
    let world = World::with(loopback.build().unwrap());
    let app = world.router(Router::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, service).await });

    let login =
        "POST /login HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nconnection: close\r\n\r\nalice";
    let answer = exchange(to, login.to_owned()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (_, rest) = answer.split_once("set-cookie: ").expect("a cookie");
    let (cookie, _) = rest.split_once(';').unwrap();

    let status = format!(
        "GET /session HTTP/1.1\r\nhost: a\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n"
    );
    let answer = exchange(to, status.clone()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains(r#""network":"loopback""#), "{answer}");
    assert!(
        answer.contains(r#""set_by":"network loopback""#),
        "{answer}"
    );
    assert!(answer.contains(r#""remaining_ms":1200000"#), "{answer}");
    let events = world.events.events();
    assert_eq!(events[0].client_ip, Some("127.0.0.1".parse().unwrap()));

    world.clock.advance(minutes(20));
    let answer = exchange(to, status).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(!answer.contains("session-timeout"), "{answer}");
    assert!(answer.contains(r#""reason":"idle_timeout""#), "{answer}");
    server.abort();
}

#[tokio::test]
async fn request_without_session_needs_no_network() {
    let world = world();
    let public = Router::new().route("/public", get(async || "for all"));
    let peer = SocketAddr::new(CAFE.parse().unwrap(), 1);
    let app = public
        .layer(world.stack.clone())
        .layer(MockConnectInfo(peer));
    assert_eq!(client(app).get("/public").await.text(), "for all");
}
