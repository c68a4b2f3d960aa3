//! Reads event streams.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use dwell_axum::hours;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{App, Client, FIRST_LOOK, GRAIN, World, ask, pass};

/// How many events may be sent and not yet read.
const BUFFER: usize = 4_096;

/// Longer than any session of these tests lives.
const FOREVER: Duration = hours(10);

/// An open event stream, read event by event. Like a server, it sends events
/// whether or not the test reads them, until this is dropped.
pub(crate) struct Events {
    chunks: mpsc::Receiver<Bytes>,
    text: String,
    sending: JoinHandle<()>,
}

/// One event, or a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Empty for a comment.
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Events {
    /// Opens this path, which must be an event stream.
    pub(crate) async fn open(app: &App, client: &Client, path: &str) -> Self {
        let answer = ask(app, client, path).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self::new(answer.into_body())
    }

    /// A client that has just signed in as `alice`, and her stream of deadlines,
    /// past its first look.
    pub(crate) async fn of_alice(world: &World) -> (Client, Self) {
        let (alice, app) = world.alice_and_app(Router::new()).await;
        let mut events = Self::open(&app, &alice, "/session/events").await;
        assert_eq!(events.next().await.name, "session-status");
        pass(FIRST_LOOK + GRAIN).await;
        (alice, events)
    }

    pub(crate) fn new(body: Body) -> Self {
        let (send, chunks) = mpsc::channel(BUFFER);
        let mut body = body.into_data_stream();
        let sending = tokio::spawn(async move {
            while let Some(chunk) = body.next().await {
                let chunk = chunk.expect("an event stream does not break off");
                let _ = send.send(chunk).await;
            }
        });
        Self {
            chunks,
            text: String::new(),
            sending,
        }
    }

    /// Returns the next event or comment; `None` at the end. Cancel safe.
    pub(crate) async fn any(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (Event::parse(event), rest.to_owned());
                self.text = rest;
                return Some(event);
            }
            let chunk = timeout(FOREVER, self.chunks.recv()).await;
            match chunk.expect("something comes, or the end") {
                Some(chunk) => self.text += std::str::from_utf8(&chunk).unwrap(),
                None => {
                    assert_eq!(self.text, "", "text after the last event");
                    return None;
                }
            }
        }
    }

    /// Returns the next event, skipping comments; `None` at the end.
    pub(crate) async fn try_next(&mut self) -> Option<Event> {
        loop {
            match self.any().await {
                Some(event) if event.name.is_empty() => {}
                other => return other,
            }
        }
    }

    /// Returns the next event, skipping comments. There must be one.
    pub(crate) async fn next(&mut self) -> Event {
        let event = self.try_next().await;
        event.expect("another event")
    }

    /// Returns the next event, which must come within this time.
    pub(crate) async fn within(&mut self, time: Duration) -> Event {
        let event = timeout(time, self.next()).await;
        event.unwrap_or_else(|_| panic!("nothing came within {time:?}"))
    }

    /// Asserts that no event comes for this long. Comments may come.
    pub(crate) async fn none_for(&mut self, time: Duration) {
        if let Ok(event) = timeout(time, self.try_next()).await {
            panic!("within {time:?} came {event:?}");
        }
    }

    /// Returns the reason of the last event, which must be the next one. Asserts
    /// that nothing comes after it.
    pub(crate) async fn expired(&mut self) -> String {
        let event = self.try_next().await.expect("a last event");
        let goes_on = event.json()["reason"] == "step_up_required";
        let name = if goes_on {
            "step-up-required"
        } else {
            "session-expired"
        };
        assert_eq!(event.name, name, "{event:?}");
        assert_eq!(
            self.any().await,
            None,
            "something came after the last event"
        );
        let mut data = event.json();
        let fields = data.as_object_mut().expect("an object");
        let reason = fields.remove("reason").expect("a reason");
        // Only `/session/events` names the session.
        fields.remove("session");
        assert!(fields.is_empty(), "{event:?}");
        reason.as_str().expect("a word").to_owned()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.sending.abort();
    }
}

impl Event {
    fn parse(text: &str) -> Self {
        let (mut name, mut data) = (String::new(), String::new());
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("event", value)) => name += value,
                Some(("data", value)) => data += value,
                _ => assert!(line.starts_with(':'), "{line:?}"),
            }
        }
        if name.is_empty() && !data.is_empty() {
            name += "message";
        }
        Self { name, data }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("JSON")
    }

    pub(crate) fn remaining_ms(&self) -> u64 {
        self.json()["remaining_ms"].as_u64().expect("milliseconds")
    }
}
