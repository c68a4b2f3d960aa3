//! A server of WebSockets, and a real client of it.

use std::time::Duration;

use axum::Router;
use axum::extract::ws::Message as Said;
use axum::response::Response;
use axum::routing::any;
use dwell_axum::*;
use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, handshake::client::Response as Upgraded};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::{App, Client, Served, World, cookie, signed_in, soon};

/// How late an end may be (N38).
pub(super) const BOUND: Duration = seconds(1);

/// A node on a socket, with alice signed in.
pub(super) struct Node {
    pub(super) world: World,
    pub(super) served: Served,
    pub(super) app: App,
    pub(super) alice: Client,
}

impl Node {
    pub(super) async fn start(world: World) -> Self {
        Self::with(world, Router::new()).await
    }

    /// A node with a second echo route under this policy.
    pub(super) async fn with_area(world: World, name: &'static str) -> Self {
        let echo = Router::new().route("/area/echo", any(echo));
        Self::with(world, echo.route_layer(policy(name))).await
    }

    /// A node with the echo route and these routes.
    pub(super) async fn with(world: World, routes: Router) -> Self {
        let router = world.router(Router::new().route("/echo", any(echo)).merge(routes));
        let served = Served::start(router.clone()).await;
        let app = App::new(router.with_state(()));
        let alice = signed_in(app.clone(), "alice").await;
        Self {
            world,
            served,
            app,
            alice,
        }
    }

    /// Opens a WebSocket as alice.
    pub(super) async fn connect(&self, path: &str) -> Socket {
        let headers = [("cookie", &*cookie(&self.alice))];
        let (socket, _) = self.try_connect(path, &headers).await.unwrap();
        socket
    }

    /// Opens a WebSocket with these fields.
    pub(super) async fn try_connect(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(Socket, Upgraded), Error> {
        let url = format!("ws://{}{path}", self.served.address);
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            let value = HeaderValue::try_from(*value).unwrap();
            request.headers_mut().append(*name, value);
        }
        let stream = TcpStream::connect(self.served.address).await.unwrap();
        let (socket, response) = client_async(request, stream).await?;
        Ok((Socket(socket), response))
    }

    pub(super) fn deadline(&self) -> Timestamp {
        self.world.record(&self.alice).facts.idle_deadline
    }

    /// Asserts that a socket is closed at this instant, with this reason.
    pub(super) async fn assert_closed(&self, socket: &mut Socket, at: Timestamp, reason: &str) {
        let close = socket.closed().await;
        let now = self.world.now();
        assert_eq!((u16::from(close.code), &*close.reason), (4401, reason));
        // A clock that is read in ticks may lag a little.
        assert!(now + millis_of(5) >= at, "{:?} too soon", at - now);
        assert!(now - at <= BOUND, "{:?} late", now - at);
    }
}

pub(super) const fn millis_of(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Echoes messages; the message `here` counts as activity.
async fn echo(upgrade: SessionWebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket: SessionWebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            let Said::Text(text) = message else { continue };
            if text.as_str() == "here" && socket.touch().await.is_err() {
                break;
            }
            if socket.send(Said::Text(text)).await.is_err() {
                break;
            }
        }
    })
}

/// The client side of a WebSocket.
pub(super) struct Socket(pub(super) WebSocketStream<TcpStream>);

impl Socket {
    pub(super) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Sends a message and waits for the echo.
    pub(super) async fn echoes(&mut self, text: &str) {
        self.send(Message::text(text)).await;
        let echo = soon(self.next()).await;
        assert_eq!(echo.and_then(Result::ok), Some(Message::text(text)));
    }

    pub(super) async fn next(&mut self) -> Option<Result<Message, Error>> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Pong(_) | Message::Ping(_))) => {}
                other => return other,
            }
        }
    }

    /// Reads to the close frame. Asserts that nothing comes after it.
    pub(super) async fn closed(&mut self) -> CloseFrame {
        let frame = soon(async {
            loop {
                match self.next().await {
                    Some(Ok(Message::Close(frame))) => break frame,
                    Some(Ok(_)) => {}
                    other => panic!("no close frame but {other:?}"),
                }
            }
        });
        let frame = frame.await.expect("a code and a reason");
        let after = soon(self.next()).await;
        assert!(!matches!(after, Some(Ok(_))), "{after:?} after the end");
        frame
    }
}
