//! The service behind: it checks nothing, and says what has reached it.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::json;
use tokio::net::TcpListener;

/// Starts the service. It ends with the test's runtime.
pub(crate) async fn start() -> SocketAddr {
    let service = Router::new()
        .route("/missing", get(StatusCode::NOT_FOUND))
        .route("/upload", post(async |body: Bytes| body.len().to_string()))
        .route("/stream", get(events))
        .route("/download", get(download))
        .route("/ws", any(echo))
        .route("/cookies", get(cookies))
        .fallback(reflect);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, service).await.unwrap() });
    address
}

/// Says what has come: each field as the list of its values.
async fn reflect(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1_024).await.unwrap();
    let mut fields = serde_json::Map::new();
    for name in parts.headers.keys() {
        let values = parts.headers.get_all(name).iter();
        let values: Vec<&str> = values.map(|value| value.to_str().unwrap()).collect();
        fields.insert(name.to_string(), json!(values));
    }
    let seen = json!({
        "method": parts.method.as_str(),
        "uri": parts.uri.to_string(),
        "version": format!("{:?}", parts.version),
        "headers": fields,
        "body": String::from_utf8_lossy(&body),
    });
    axum::Json(seen).into_response()
}

async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let first = stream::iter([Ok(Event::default().data("first"))]);
    Sse::new(first.chain(stream::pending()))
}

/// Begins, and never ends by itself.
async fn download() -> Body {
    let begin = stream::iter([Ok::<_, Infallible>(Bytes::from("begin"))]);
    Body::from_stream(begin.chain(stream::pending()))
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["chat"]).on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            // A close frame is answered by the next `recv`.
            let is_close = matches!(message, Message::Close(_));
            if !is_close && socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

/// Tries to set cookies, also that of the gateway.
async fn cookies() -> Response {
    let forged = "__Host-session=forged; Secure; Path=/";
    let mut response = "set".into_response();
    for line in ["a=1; Path=/", forged] {
        response
            .headers_mut()
            .append("set-cookie", line.parse().unwrap());
    }
    response
}
