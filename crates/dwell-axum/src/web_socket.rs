//! WebSockets that end with their session.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use dwell_core::{CommandError, RouteMark, seconds};
use dwell_tower::gateway::is_same_origin;
use dwell_tower::open::{ActivityRecorder, CloseReason, Lifeline, SessionClosed, UpgradePolicy};
use dwell_tower::rejection::{Refusal, problem};
use http::request::Parts;
use http::{StatusCode, header};
use tokio::sync::{oneshot, watch};

use crate::error::SessionError;
use crate::extract::Session;
use crate::problem::problem_details;

/// The close code of a WebSocket whose session has ended: 4401, for private use
/// (RFC 6455 §7.4.2), modelled on HTTP's 401.
pub const SESSION_OVER: u16 = 4401;

/// How long a handler may take to finish after the end, including sending the
/// close frame to a slow client. After that the connection is dropped.
const LAST_WORDS: Duration = seconds(1);

/// Extracts a WebSocket that ends with the session of its request.
///
/// Needs the feature `ws`. When the session ends, on this node or another, the
/// WebSocket is closed within a second, with code [4401](SESSION_OVER) and the
/// reason, such as `idle_timeout`. Activity on other connections keeps it open.
///
/// | request | answer |
/// |---|---|
/// | without a live session | refused, as on every protected route |
/// | while the session has 32 event streams and WebSockets open | 429 `too_many_streams` |
/// | from a page of another origin | 403 `not_same_origin`: browsers send cookies with a handshake from any page |
///
/// Neither the handshake nor a message is activity, because pages reconnect
/// automatically. Call [`touch`](SessionWebSocket::touch) for messages that show
/// a person at work.
///
/// Works over HTTP/2, too (RFC 8441), with axum's feature `http2` and a route
/// that takes `CONNECT`, such as `any`.
///
/// ```
/// use axum::Router;
/// use axum::extract::ws::Message;
/// use axum::response::Response;
/// use axum::routing::any;
/// use dwell_axum::{SessionWebSocket, SessionWebSocketUpgrade};
///
/// async fn chat(upgrade: SessionWebSocketUpgrade) -> Response {
///     upgrade.on_upgrade(async |mut socket: SessionWebSocket| {
///         // `None` when the session has ended or the client has left.
///         while let Some(Ok(message)) = socket.recv().await {
///             if let Message::Text(text) = message {
///                 // A person typed this.
///                 if socket.touch().await.is_err() || socket.send(Message::Text(text)).await.is_err() {
///                     break;
///                 }
///             }
///         }
///     })
/// }
///
/// let app: Router = Router::new().route("/chat", any(chat));
/// # let _ = app;
/// ```
pub struct SessionWebSocketUpgrade {
    upgrade: WebSocketUpgrade,
    session: Session,
}

/// A WebSocket that ends with its session; see [`SessionWebSocketUpgrade`].
pub struct SessionWebSocket {
    /// `None` only while this is dropped.
    socket: Option<WebSocket>,
    recorder: ActivityRecorder,
    over: watch::Receiver<Option<CloseReason>>,
    /// An end that a touch found before the lifeline did.
    found: Option<CloseReason>,
    /// Returns the connection when this is dropped, so that the client gets the
    /// close frame even if the handler has finished.
    give_back: Option<oneshot::Sender<WebSocket>>,
}

impl<S: Send + Sync> FromRequestParts<S> for SessionWebSocketUpgrade {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let session = Session::from_request_parts(parts, state).await;
        let session = session.map_err(IntoResponse::into_response)?;
        session.state().mark_route(RouteMark::Passive);
        let by_browser = ["sec-fetch-site", header::ORIGIN.as_str()];
        let by_browser = by_browser
            .iter()
            .any(|name| parts.headers.contains_key(*name));
        if by_browser && !is_same_origin(parts) {
            return Err(problem_details(StatusCode::FORBIDDEN, "not_same_origin"));
        }
        let upgrade = WebSocketUpgrade::from_request_parts(parts, state).await;
        let upgrade = upgrade.map_err(IntoResponse::into_response)?;
        Ok(Self { upgrade, session })
    }
}

impl SessionWebSocketUpgrade {
    /// Changes axum's upgrade, to set protocols, sizes and the like.
    ///
    /// ```
    /// # use dwell_axum::SessionWebSocketUpgrade;
    /// # fn f(upgrade: SessionWebSocketUpgrade) -> SessionWebSocketUpgrade {
    /// upgrade.map(|upgrade| upgrade.protocols(["chat"]).max_message_size(64 * 1024))
    /// # }
    /// ```
    #[must_use]
    pub fn map(mut self, change: impl FnOnce(WebSocketUpgrade) -> WebSocketUpgrade) -> Self {
        self.upgrade = change(self.upgrade);
        self
    }

    /// Returns the session of the request.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Answers the handshake and runs `serve` with the connection.
    ///
    /// `serve` is dropped one second after the session has ended, unless it has
    /// finished. It may move the connection to another task; after the end that
    /// task's next call returns `None` or an error.
    pub fn on_upgrade<F, Fut>(self, serve: F) -> Response
    where
        F: FnOnce(SessionWebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let handle = self.session.handle();
        let session = Lifeline::of(handle).zip(ActivityRecorder::of(handle));
        let Some((lifeline, recorder)) = session else {
            return SessionError(CommandError::NoSession).into_response();
        };
        let Some(mut lifeline) = lifeline.counted() else {
            return problem(&Refusal::TooManyStreams).map(Body::from);
        };
        let mut response = self.upgrade.on_upgrade(async move |socket| {
            let (announce, over) = watch::channel(None);
            let (give_back, mut back) = oneshot::channel();
            let mut serving = Box::pin(serve(SessionWebSocket {
                socket: Some(socket),
                recorder,
                over,
                found: None,
                give_back: Some(give_back),
            }));
            let mut served = false;
            let closing = loop {
                tokio::select! {
                    // It may have moved the connection to another task.
                    () = &mut serving, if !served => served = true,
                    // The connection was dropped, and the session is still live.
                    _ = &mut back => return,
                    closing = lifeline.closed() => break closing,
                }
            };
            let _ = announce.send(Some(closing));
            let last_words = async {
                if !served {
                    serving.as_mut().await;
                }
                (&mut back).await.ok()
            };
            let socket = tokio::time::timeout(LAST_WORDS, last_words).await;
            drop(serving);
            let socket = socket.ok().flatten().or_else(|| back.try_recv().ok());
            if let Some(mut socket) = socket {
                // Fails if the close frame was sent already or the client has left.
                let sent = socket.send(Message::Close(Some(close_frame(closing))));
                let _ = tokio::time::timeout(LAST_WORDS, sent).await;
            }
        });
        response
            .extensions_mut()
            .insert(UpgradePolicy::EndsWithSession);
        response
    }
}

impl SessionWebSocket {
    /// Waits for the next message. Returns `None` when the client has closed, or
    /// when the session has ended; the close frame is sent by then. Cancel safe.
    pub async fn recv(&mut self) -> Option<Result<Message, axum::Error>> {
        if self.closing().is_none() {
            tokio::select! {
                biased;
                _ = self.over.changed() => {}
                message = self.socket.as_mut()?.recv() => return message,
            }
        }
        self.send_close().await;
        None
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the session has ended (the close frame is sent by then), or the
    /// connection is broken.
    pub async fn send(&mut self, message: Message) -> Result<(), axum::Error> {
        if let (None, Some(socket)) = (self.closing(), &mut self.socket) {
            // A client that does not read must not block this beyond the end.
            tokio::select! {
                biased;
                _ = self.over.changed() => {}
                sent = socket.send(message) => return sent,
            }
        }
        self.send_close().await;
        let closing = self.closing().unwrap_or(CloseReason::Unknown);
        Err(axum::Error::new(SessionClosed(closing)))
    }

    /// Records activity now. Call it for messages that show a person at work.
    /// Within the granularity nothing is written.
    ///
    /// # Errors
    /// When the session has ended (the close frame is sent by then), the route
    /// requires authentication again, or the store does not answer.
    pub async fn touch(&mut self) -> Result<(), SessionError> {
        let Err(error) = self.recorder.touch().await else {
            return Ok(());
        };
        self.found = match error {
            CommandError::Ended(reason) => Some(CloseReason::Ended(reason)),
            CommandError::Locked => Some(CloseReason::Locked),
            CommandError::Gone => Some(CloseReason::Unknown),
            _ => None,
        };
        if self.found.is_some() {
            self.send_close().await;
        }
        Err(error.into())
    }

    /// Returns why the session has ended, or `None` while it is live.
    #[must_use]
    pub fn closing(&self) -> Option<CloseReason> {
        self.found.or(*self.over.borrow())
    }

    /// Waits until the session has ended, for handlers that wait for something
    /// other than messages.
    pub async fn closed(&mut self) -> Option<CloseReason> {
        // The sender lives as long as the task that serves this connection.
        let over = self.over.wait_for(Option::is_some).await.ok()?;
        *over
    }

    async fn send_close(&mut self) {
        let closing = self.closing().unwrap_or(CloseReason::Unknown);
        if let Some(socket) = &mut self.socket {
            // Fails if the client has left.
            let sent = socket.send(Message::Close(Some(close_frame(closing))));
            let _ = tokio::time::timeout(LAST_WORDS, sent).await;
        }
    }
}

impl Drop for SessionWebSocket {
    fn drop(&mut self) {
        if let (Some(socket), Some(give_back)) = (self.socket.take(), self.give_back.take()) {
            // If nothing waits for the connection, dropping it closes it.
            let _ = give_back.send(socket);
        }
    }
}

fn close_frame(closing: CloseReason) -> CloseFrame {
    CloseFrame {
        code: SESSION_OVER,
        reason: closing.as_str().into(),
    }
}

impl fmt::Debug for SessionWebSocketUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionWebSocketUpgrade")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SessionWebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionWebSocket")
            .field("closing", &self.closing())
            .finish_non_exhaustive()
    }
}
