//! Event streams, downloads and WebSockets through the gateway end with the session.

use dwell_axum::minutes;
use dwell_tests::{Browser, Wire, status};
use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::site::{COOKIE, Site, within};

async fn end(site: &Site, alice: &Browser) {
    let elsewhere = Browser::with_jar(site.address, alice.jar());
    assert_eq!(elsewhere.post("/session/end", "").await.status, 204);
}

pub(crate) async fn connect(
    site: &Site,
    alice: &Browser,
    origin: &str,
) -> Result<WebSocketStream<TcpStream>, String> {
    let mut request = format!("ws://{}/ws", site.front)
        .into_client_request()
        .unwrap();
    let cookie = alice
        .cookie(COOKIE)
        .map(|token| format!("{COOKIE}={token}"));
    let fields = [
        ("origin", origin),
        ("cookie", cookie.as_deref().unwrap_or("none=")),
        ("sec-websocket-protocol", "chat"),
    ];
    for (name, value) in fields {
        request
            .headers_mut()
            .insert(name, HeaderValue::try_from(value).unwrap());
    }
    let stream = TcpStream::connect(site.front).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, answer)) => {
            assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
            Ok(socket)
        }
        Err(Error::Http(answer)) => Err(answer.status().as_str().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) async fn echo(socket: &mut WebSocketStream<TcpStream>, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
    let answer = within(socket.next()).await.unwrap().unwrap();
    assert_eq!(answer.into_text().unwrap(), text);
}

/// Waits for the close frame. Returns its code and reason.
pub(crate) async fn closed_with(mut socket: WebSocketStream<TcpStream>) -> (u16, String) {
    match within(socket.next()).await {
        Some(Ok(Message::Close(Some(frame)))) => (frame.code.into(), frame.reason.to_string()),
        message => panic!("{message:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_web_socket_ends_with_session_and_says_why() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    // The origin of the file, and the gateway's own address.
    let own = format!("http://{}", site.address);
    let mut other = connect(&site, &alice, &own).await.unwrap();
    let mut socket = connect(&site, &alice, "https://app.example").await.unwrap();
    let long = "x".repeat(100_000);
    for text in ["hello", &long, ""] {
        echo(&mut socket, text).await;
        echo(&mut other, text).await;
    }
    end(&site, &alice).await;
    for socket in [socket, other] {
        assert_eq!(closed_with(socket).await, (4401, "signed_out".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_web_socket_is_no_activity() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    site.clock.advance(minutes(10));
    let mut socket = connect(&site, &alice, "https://app.example").await.unwrap();
    echo(&mut socket, "hello").await;
    assert_eq!(alice.fetch("/session").await.time_left().unwrap().idle, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn web_socket_needs_session_and_own_page() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    let foreign = connect(&site, &alice, "https://evil.example").await;
    assert_eq!(foreign.err().as_deref(), Some("403"));
    let nobody = Browser::new(site.address);
    let anonymous = connect(&site, &nobody, "https://app.example").await;
    assert_eq!(anonymous.err().as_deref(), Some("401"));
}

#[tokio::test(flavor = "multi_thread")]
async fn l22_web_sockets_of_session_are_bounded() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    let mut sockets = Vec::new();
    for _ in 0..32 {
        sockets.push(connect(&site, &alice, "https://app.example").await.unwrap());
    }
    let one_more = connect(&site, &alice, "https://app.example").await;
    assert_eq!(one_more.err().as_deref(), Some("429"));
}

#[tokio::test(flavor = "multi_thread")]
async fn web_socket_of_service_closes_as_service_says() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    let mut socket = connect(&site, &alice, "https://app.example").await.unwrap();
    socket.close(None).await.unwrap();
    assert!(matches!(
        within(socket.next()).await,
        Some(Ok(Message::Close(_))) | None
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_event_stream_arrives_at_once_and_ends_with_session() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    let mut wire = site.ask(&alice, "GET /stream", "").await;
    let begin = wire.until("data: first").await;
    assert_eq!(status(&begin), "200");
    end(&site, &alice).await;
    let rest = wire.until("session-expired").await;
    assert!(rest.contains("session-expired"), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_download_breaks_off_at_end() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    let mut wire: Wire = site.ask(&alice, "GET /download", "").await;
    wire.until("begin").await;
    site.clock.advance(minutes(15));
    let rest = wire.rest().await;
    assert!(!rest.contains("0\r\n\r\n"), "looks whole: {rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_stops_in_good_order() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    let mut wire = site.ask(&alice, "GET /session/events", "").await;
    wire.until("session-status").await;
    site.stopped().await;
    wire.rest().await;
}
