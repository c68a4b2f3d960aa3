//! The client's address from the PROXY protocol, served by `axum::serve`.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use dwell_axum::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::World;

/// An application of this world that answers with the client's address.
fn app(world: &World) -> Router {
    let address = async |request: Request| {
        let state = request.extensions().get::<SessionState>().unwrap();
        let address = state.client_ip();
        address.map_or("unknown".to_owned(), |address| address.to_string())
    };
    world.router(Router::new().route("/address", get(address)))
}

/// A world whose policies trust this proxy, and name the proxy's own network.
fn trusting(proxy: &str) -> World {
    let default = Policy::named("default").idle(minutes(15));
    let policies = PolicySet::builder(default.absolute(hours(8)))
        .network("office", ["127.0.0.0/8"], minutes(30))
        .client_ip(ClientIp::new(ClientIpSource::ProxyProtocol, [proxy]).unwrap());
    World::with(policies.build().unwrap())
}

/// Serves the application by a listener that reads PROXY headers.
async fn serve(world: &World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener = ProxyProtocolListener::new(listener, &world.manager);
    let service = app(world).into_make_service_with_connect_info::<ProxyProtocolAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// Sends these bytes and a request, and returns the answer.
async fn send(to: SocketAddr, before: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let request = "GET /address HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let sent = format!("{before}{request}");
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A connection that is closed with something unread is reset.
    let _reset = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn n32_listener_reads_header_of_trusted_proxy() {
    let world = trusting("127.0.0.1/32");
    let to = serve(&world).await;
    // One whose header does not come holds nobody up.
    let _silent = TcpStream::connect(to).await.unwrap();
    for (header, client) in [
        (
            "PROXY TCP4 198.51.100.7 10.0.0.1 4711 80\r\n",
            "198.51.100.7",
        ),
        (
            "PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n",
            "2001:db8::7",
        ),
        ("PROXY UNKNOWN\r\n", "unknown"),
    ] {
        let answer = send(to, header).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with(&format!("\r\n{client}")), "{answer}");
    }
    assert_eq!(send(to, "").await, "");
    assert_eq!(send(to, "PROXY TCP4 nonsense\r\n").await, "");
}

#[tokio::test]
async fn n32_listener_reads_no_header_of_others() {
    let world = trusting("10.0.0.0/8");
    let to = serve(&world).await;
    let answer = send(to, "PROXY TCP4 10.20.1.1 10.0.0.1 4711 80\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(send(to, "").await.ends_with("\r\n127.0.0.1"));
}

#[tokio::test]
async fn l16_listener_that_reads_no_header_is_refused() {
    let world = trusting("127.0.0.1/32");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let service = app(&world).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let answer = send(to, "").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
}
