//! WebSockets that end with their session.

use std::fmt;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use dwell_core::{CommandError, RouteMark, seconds};
use dwell_tower::open::{ActivityRecorder, CloseReason, Lifeline, SessionClosed, UpgradePolicy};
use http::request::Parts;
use http::{StatusCode, header};
use tokio::sync::{oneshot, watch};

use crate::error::SessionError;
use crate::extract::Session;
use crate::problem::problem_details;
use crate::same_origin::is_same_origin;

/// The close code of a WebSocket whose session is over: private use (RFC 6455
/// §7.4.2), after HTTP's 401.
pub const SESSION_OVER: u16 = 4401;

/// How long a handler may take to finish after the end, the close frame's way
/// to a slow client included. Then the connection is dropped.
const LAST_WORDS: Duration = seconds(1);

/// Extracts a WebSocket that ends with the session of its request: closed with
/// code [4401](SESSION_OVER) and the reason, such as `idle_timeout`, at the
/// deadline as activity elsewhere has moved it, and within a second of an end
/// on whatever node.
///
/// A request without a live session is refused like everywhere, one from a page
/// of another origin with 403: browsers send cookies along, and no browser
/// checks who opens a WebSocket. The handshake is no activity, since pages open
/// connections again by themselves. Nor is a message: call
/// [`touch`](SessionWebSocket::touch) for those that show that somebody is
/// there. Pings and pongs never do.
///
/// Over HTTP/2, too (RFC 8441), with axum's feature `http2` and a route that
/// takes `CONNECT`, as `any` does.
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
///         // `None` when the session is over or the client has gone.
///         while let Some(Ok(message)) = socket.recv().await {
///             if let Message::Text(text) = message {
///                 // Somebody typed this.
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
    /// There until this is dropped.
    socket: Option<WebSocket>,
    recorder: ActivityRecorder,
    over: watch::Receiver<Option<CloseReason>>,
    /// What a touch has found before we were told.
    found: Option<CloseReason>,
    /// Takes the connection back, so that the client is told why also where the
    /// handler does not.
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
    /// Sets protocols, sizes and the like.
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

    /// The session that it is opened in.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Answers the handshake, and hands the connection to `serve`, which is
    /// dropped a second after the session is over if it has not finished by
    /// then. It may hand the connection on to another task, whose next call on
    /// it is told that it is over.
    pub fn on_upgrade<F, Fut>(self, serve: F) -> Response
    where
        F: FnOnce(SessionWebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let handle = self.session.handle();
        let session = Lifeline::of(handle).zip(ActivityRecorder::of(handle));
        let Some((mut lifeline, recorder)) = session else {
            return SessionError(CommandError::NoSession).into_response();
        };
        let mut response = self.upgrade.on_upgrade(async move |socket| {
            let (tell, over) = watch::channel(None);
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
                    // It may have handed the connection on.
                    () = &mut serving, if !served => served = true,
                    // Nobody has it any more, while the session lives.
                    _ = &mut back => return,
                    closing = lifeline.closed() => break closing,
                }
            };
            let _ = tell.send(Some(closing));
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
                // Whoever has been told or has gone needs no word.
                let told = socket.send(Message::Close(Some(farewell(closing))));
                let _ = tokio::time::timeout(LAST_WORDS, told).await;
            }
        });
        response
            .extensions_mut()
            .insert(UpgradePolicy::EndsWithSession);
        response
    }
}

impl SessionWebSocket {
    /// Waits for the next message; `None` when the session is over, which the
    /// client has been told then, or the client has closed. Safe to be given
    /// up and called again, as `tokio::select!` does.
    pub async fn recv(&mut self) -> Option<Result<Message, axum::Error>> {
        if self.closing().is_none() {
            tokio::select! {
                biased;
                _ = self.over.changed() => {}
                message = self.socket.as_mut()?.recv() => return message,
            }
        }
        self.say_why().await;
        None
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the session is over, which the client has been told then, or the
    /// connection is broken.
    pub async fn send(&mut self, message: Message) -> Result<(), axum::Error> {
        if let (None, Some(socket)) = (self.closing(), &mut self.socket) {
            // A client that does not read holds nobody up beyond the end.
            tokio::select! {
                biased;
                _ = self.over.changed() => {}
                sent = socket.send(message) => return sent,
            }
        }
        self.say_why().await;
        let closing = self.closing().unwrap_or(CloseReason::Unknown);
        Err(axum::Error::new(SessionClosed(closing)))
    }

    /// Records that the session's subject is there, by what the last message
    /// said: activity now. Within the granularity it costs nothing.
    ///
    /// # Errors
    /// When the session is over, which the client has been told then, its route
    /// asks for authentication again, or the store does not answer.
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
            self.say_why().await;
        }
        Err(error.into())
    }

    /// Why it is over; `None` while it is not.
    #[must_use]
    pub fn closing(&self) -> Option<CloseReason> {
        self.found.or(*self.over.borrow())
    }

    /// Waits until the session is over, for handlers that wait for something
    /// else than messages.
    pub async fn closed(&mut self) -> Option<CloseReason> {
        // The sender is there for as long as whoever serves this.
        let over = self.over.wait_for(Option::is_some).await.ok()?;
        *over
    }

    async fn say_why(&mut self) {
        let closing = self.closing().unwrap_or(CloseReason::Unknown);
        if let Some(socket) = &mut self.socket {
            // Whoever has gone needs no word.
            let told = socket.send(Message::Close(Some(farewell(closing))));
            let _ = tokio::time::timeout(LAST_WORDS, told).await;
        }
    }
}

impl Drop for SessionWebSocket {
    fn drop(&mut self) {
        if let (Some(socket), Some(give_back)) = (self.socket.take(), self.give_back.take()) {
            // Where nobody waits for it, it is closed by being dropped.
            let _ = give_back.send(socket);
        }
    }
}

fn farewell(closing: CloseReason) -> CloseFrame {
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
