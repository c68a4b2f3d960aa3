//! `GET /session/events`: streams the deadlines as they move.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dwell_core::engine::AreaDeadline;
use dwell_core::{Deadlines, SessionManager, SessionRecord, SessionRef, seconds};
use dwell_tower::open::{CloseReason, Lifeline, LifelineEvent, UpgradePolicy};
use dwell_tower::rejection::{Refusal, problem};
use http::{HeaderName, HeaderValue, header};
use http_body::Frame;
use tokio::time::{Sleep, sleep};

use crate::area::Area;
use crate::extract::Session;
use crate::status::StatusDocument;

/// Many proxies close a connection that is silent for a minute.
const KEEP_ALIVE: Duration = seconds(25);

/// The shortest pause between two looks during the warning. Each look comes
/// after half of the time left, to find activity that another node recorded and
/// that ends the warning.
const LEAST_PAUSE: Duration = seconds(1);

/// Streams a session's deadlines.
pub(crate) async fn events(session: Session, area: Area) -> Response {
    let lifeline = Lifeline::with_touches(session.handle()).map(Lifeline::until_shutdown);
    let (deadlines, record) = (session.deadlines(), session.record());
    let (Some(lifeline), Some(deadlines), Some(record)) = (lifeline, deadlines, record) else {
        return problem(&Refusal::SessionRequired).map(Body::from);
    };
    let Some(lifeline) = lifeline.counted() else {
        return problem(&Refusal::TooManyStreams).map(Body::from);
    };
    let mut events = Events {
        lifeline,
        manager: session.handle().manager().clone(),
        area,
        session: SessionRef::of(record.key),
        reported: None,
        warned: false,
        next: None,
        silence: Box::pin(sleep(KEEP_ALIVE)),
        over: false,
    };
    events.report(&deadlines, &record);
    let value = HeaderValue::from_static;
    let headers = [
        (header::CONTENT_TYPE, value("text/event-stream")),
        (header::CACHE_CONTROL, value("no-store")),
        // Stops nginx from buffering events.
        (HeaderName::from_static("x-accel-buffering"), value("no")),
    ];
    let mut response = (headers, Body::new(events)).into_response();
    response
        .extensions_mut()
        .insert(UpgradePolicy::EndsWithSession);
    response
}

struct Events {
    lifeline: Lifeline,
    manager: SessionManager,
    area: Area,
    /// The deadlines that were reported last: the session's and the area's.
    reported: Option<(Deadlines, Option<AreaDeadline>)>,
    /// Whose stream it is: a browser may change sessions under an open page.
    session: SessionRef,
    /// Whether the client was warned of these deadlines.
    warned: bool,
    /// The event to send next.
    next: Option<String>,
    silence: Pin<Box<Sleep>>,
    over: bool,
}

impl Events {
    /// Queues an event if something changed, and looks again when the warning is
    /// due.
    fn report(&mut self, deadlines: &Deadlines, record: &SessionRecord) {
        let policies = self.manager.policies().current();
        let area = self.area.deadline(&policies, record);
        let moved = self.reported.is_none_or(|(reported, of_area)| {
            let shown = |d: &Deadlines| (d.nearest, d.absolute, d.ends_by, d.warn);
            shown(&reported) != shown(deadlines) || of_area != area.map(|(_, area)| area)
        });
        let remaining = deadlines.remaining();
        let warn = remaining <= deadlines.warn;
        let name = match warn {
            true => "session-warning",
            false => "session-status",
        };
        let mut pause = pause(remaining, deadlines.warn);
        if let Some((_, area)) = area.filter(|(_, area)| !area.has_passed(deadlines.now)) {
            pause = pause.min(self::pause(area.at - deadlines.now, area.warn));
        }
        self.reported = Some((*deadlines, area.map(|(_, area)| area)));
        if moved || warn && !self.warned {
            let document = StatusDocument::new(&policies, deadlines, record, area);
            let document = serde_json::to_string(&document).unwrap_or_default();
            self.next = Some(format!("event: {name}\ndata: {document}\n\n"));
        }
        self.warned = warn;
        self.lifeline.check_in(pause);
    }

    /// Returns the last event. It names the session, as a status document does.
    fn last(&self, closing: CloseReason) -> String {
        let (name, reason, session) = (closing.event_name(), closing.as_str(), self.session);
        let data = format!("{{\"reason\":\"{reason}\",\"session\":\"{session}\"}}");
        format!("event: {name}\ndata: {data}\n\n")
    }

    fn send(&mut self, event: String) -> Option<Result<Frame<Bytes>, Infallible>> {
        self.silence.set(sleep(KEEP_ALIVE));
        Some(Ok(Frame::data(event.into())))
    }
}

/// How long until the next look at a deadline: until its warning, and during the
/// warning again and again.
fn pause(remaining: Duration, warn: Duration) -> Duration {
    match remaining <= warn {
        true => (remaining / 2).max(LEAST_PAUSE),
        false => remaining - warn,
    }
}

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if let Some(event) = self.next.take() {
                return Poll::Ready(self.send(event));
            }
            if self.over {
                return Poll::Ready(None);
            }
            match self.lifeline.poll_next(cx) {
                Poll::Ready(LifelineEvent::Alive(deadlines, found)) => {
                    if let Some(record) = found.record {
                        self.report(&deadlines, &record);
                    }
                    continue;
                }
                Poll::Ready(LifelineEvent::Closed(closing)) => {
                    self.over = true;
                    if closing == CloseReason::Shutdown {
                        // The session goes on; the component connects again.
                        continue;
                    }
                    let last = self.last(closing);
                    return Poll::Ready(self.send(last));
                }
                Poll::Ready(_) | Poll::Pending => {}
            }
            ready!(self.silence.as_mut().poll(cx));
            return Poll::Ready(self.send(":\n\n".to_owned()));
        }
    }
}
