//! An echo over a WebSocket that ends with its session.

use axum::extract::ws::Message;
use axum::response::Response;
use dwell_axum::{SessionWebSocket, SessionWebSocketUpgrade};
use serde::Deserialize;

/// The longest message that is accepted, in bytes.
const MAX_MESSAGE: usize = 4 * 1_024;

pub(crate) async fn echo(upgrade: SessionWebSocketUpgrade) -> Response {
    let upgrade = upgrade.map(|upgrade| upgrade.max_message_size(MAX_MESSAGE));
    upgrade.on_upgrade(serve)
}

/// The field with which a message declares itself activity.
#[derive(Deserialize)]
struct Said {
    active: bool,
}

async fn serve(mut socket: SessionWebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else {
            continue;
        };
        // Only a message with `"active": true` counts as activity.
        let active = serde_json::from_str(&text).is_ok_and(|said: Said| said.active);
        if active && socket.touch().await.is_err() {
            return;
        }
        if socket.send(Message::Text(text)).await.is_err() {
            return;
        }
    }
}
