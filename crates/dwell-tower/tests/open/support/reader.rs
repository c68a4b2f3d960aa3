//! The client's end of a connection: reads it, and notes when it ends.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dwell_tower::open::{CloseReason, SessionClosed};
use http::HeaderMap;
use http_body_util::BodyExt;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tower::BoxError;

use super::SECOND;
use dwell_test_support::Body;

/// Longer than anything is open in these tests.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Reads a body in a task, as a connection does.
#[derive(Debug)]
pub(crate) struct Reader {
    task: JoinHandle<Ended>,
    text: Arc<Mutex<String>>,
    opened: Instant,
}

/// How a body ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The time from the start of the answer to the end.
    pub(crate) after: Duration,
    pub(crate) text: String,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) error: Option<BoxError>,
}

impl Reader {
    #[allow(clippy::disallowed_methods, reason = "tokio's clock, which is paused")]
    pub(crate) fn of(body: Body) -> Self {
        let text = Arc::<Mutex<String>>::default();
        let opened = Instant::now();
        let task = tokio::spawn(read(body, Arc::clone(&text), opened));
        Self { task, text, opened }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.task.is_finished()
    }

    /// Returns what has arrived so far.
    pub(crate) fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// Waits for the end.
    pub(crate) async fn end(self) -> Ended {
        let ended = timeout(DAY, self.task).await;
        ended.expect("it is never cut").unwrap()
    }

    /// Waits for the end, which must come this long after the start of the answer,
    /// or up to a second later.
    pub(crate) async fn ends_after(self, time: Duration) -> Ended {
        let ended = self.end().await;
        let late = ended.after.checked_sub(time);
        assert!(
            late.is_some_and(|late| late <= SECOND),
            "{time:?}: {ended:?}"
        );
        ended
    }

    /// Waits for the end, which must come within a second.
    pub(crate) async fn ends_now(self) -> Ended {
        let sofar = self.opened.elapsed();
        self.ends_after(sofar).await
    }

    /// Leaves.
    pub(crate) async fn leave(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

impl Ended {
    /// Returns the reason of the last event, which must follow whole events.
    pub(crate) fn reason(&self) -> &str {
        assert!(self.error.is_none(), "{self:?}");
        let (before, last) = self.text.split_at(self.text.rfind("event:").unwrap_or(0));
        let plain = before.replace('\r', "");
        assert!(plain.is_empty() || plain.ends_with("\n\n"), "{self:?}");
        let (name, data) = last.split_once('\n').unwrap_or((last, ""));
        let data = data.strip_prefix("data: {\"reason\":\"");
        let reason = data.and_then(|data| data.strip_suffix("\"}\n\n"));
        let reason = reason.unwrap_or_else(|| panic!("no last event: {self:?}"));
        let goes_on = reason == "step_up_required";
        let expected = if goes_on {
            "step-up-required"
        } else {
            "session-expired"
        };
        assert_eq!(name, format!("event: {expected}"));
        reason
    }

    /// Returns why a body other than an event stream broke off.
    pub(crate) fn closing(&self) -> CloseReason {
        let error = self
            .error
            .as_ref()
            .unwrap_or_else(|| panic!("ended as if it were whole: {self:?}"));
        let closed = error.downcast_ref::<SessionClosed>();
        closed
            .unwrap_or_else(|| panic!("another error: {self:?}"))
            .0
    }
}

async fn read(mut body: Body, text: Arc<Mutex<String>>, opened: Instant) -> Ended {
    let (mut trailers, mut error) = (None, None);
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => {
                let data = std::str::from_utf8(&data).unwrap();
                text.lock().unwrap().push_str(data);
            }
            Ok(Err(other)) => trailers = other.into_trailers().ok(),
            Err(failed) => {
                error = Some(failed);
                break;
            }
        }
    }
    Ended {
        after: opened.elapsed(),
        text: text.lock().unwrap().clone(),
        trailers,
        error,
    }
}
