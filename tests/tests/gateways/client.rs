//! Clients that browsers' requests alone don't need: raw ones, and WebSockets.

use std::time::Duration;

use dwell_tests::{Browser, Wire};
use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::site::{COOKIE, Site};

pub(crate) const MEGABYTE: usize = 1_024 * 1_024;

/// A WebSocket through the gateway.
pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Shakes hands with the gateway under its address.
    pub(crate) async fn open(site: &Site, alice: &Browser) -> Result<Self, String> {
        Self::open_at(&site.address().to_string(), site, alice).await
    }

    /// Shakes hands with the gateway under this host, as Chromium does: with
    /// `Origin`, without fetch metadata. Returns the answer's status if it is another
    /// than 101.
    pub(crate) async fn open_at(host: &str, site: &Site, alice: &Browser) -> Result<Self, String> {
        let request = format!("ws://{host}/ws").into_client_request();
        let mut request = request.unwrap();
        let origin = format!("http://{host}");
        let cookie = format!("{COOKIE}={}", alice.cookie(COOKIE).unwrap());
        for (name, value) in [("origin", origin), ("cookie", cookie)] {
            let value = HeaderValue::try_from(value).unwrap();
            request.headers_mut().insert(name, value);
        }
        let stream = TcpStream::connect(site.address()).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(answer.status().as_str().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Returns what comes back.
    pub(crate) async fn echo(&mut self, text: &str) -> Result<String, String> {
        let sent = self.0.send(Message::text(text)).await;
        sent.map_err(|error| error.to_string())?;
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Ok(text.to_string()),
            other => Err(format!("no echo but {other:?}")),
        }
    }

    /// Returns the code with which it is closed within this time.
    pub(crate) async fn closed_within(mut self, bound: Duration) -> Result<u16, String> {
        let next = timeout(bound, self.0.next()).await;
        match next.map_err(|_| "stays open")? {
            Some(Ok(Message::Close(Some(frame)))) => Ok(frame.code.into()),
            other => Err(format!("no close frame but {other:?}")),
        }
    }
}

/// Sends a whole upload, and only then reads. Returns the answer's status.
pub(crate) async fn upload(site: &Site, alice: &Browser, length: usize) -> String {
    let fields = format!("Content-Length: {length}\r\n");
    let mut wire = site.ask(alice, "POST /upload", &fields).await;
    wire.say(&"x".repeat(length)).await;
    status_of(&mut wire).await
}

/// Sends an upload once it may, and reads then. Returns the answer's status.
pub(crate) async fn expecting_upload(site: &Site, alice: &Browser, length: usize) -> String {
    let fields = format!("Expect: 100-continue\r\nContent-Length: {length}\r\n");
    let mut wire = site.ask(alice, "POST /upload", &fields).await;
    match next_status(&mut wire).await.as_str() {
        "100" => {
            wire.say(&"x".repeat(length)).await;
            status_of(&mut wire).await
        }
        status => status.to_owned(),
    }
}

/// Returns the status of the answer that comes, which may be `100`.
pub(crate) async fn next_status(wire: &mut Wire) -> String {
    let answer = wire.until("\r\n\r\n").await;
    last_status(&answer)
}

/// Returns the status of the final answer that comes.
pub(crate) async fn status_of(wire: &mut Wire) -> String {
    loop {
        let status = next_status(wire).await;
        if status != "100" {
            return status;
        }
    }
}

fn last_status(answers: &str) -> String {
    let begin = answers.rfind("HTTP/1.1 ").unwrap_or_default();
    dwell_tests::status(&answers[begin..]).to_owned()
}
