//! An event stream of the application, which counts seconds. It needs a session
//! and never ends: the stack cuts it when the session ends.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use dwell_axum::Session;
use futures_util::stream;
use tokio::time::{MissedTickBehavior, interval};

const PERIOD: Duration = Duration::from_secs(1);

pub(crate) async fn ticks(_: Session) -> Response {
    let mut timer = interval(PERIOD);
    // A slow client gets no burst of old ticks.
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ticks = stream::unfold((timer, 1_u64), async |(mut timer, count)| {
        timer.tick().await;
        let event = Event::default().event("tick").data(count.to_string());
        Some((Ok::<_, Infallible>(event), (timer, count + 1)))
    });
    // `Sse` sets a weaker `no-cache`; every answer of the bank is `no-store`.
    let no_store = HeaderValue::from_static("no-store");
    ([(header::CACHE_CONTROL, no_store)], Sse::new(ticks)).into_response()
}
