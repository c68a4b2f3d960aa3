//! What a refused request still sends.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use http::{HeaderMap, header};
use tokio::time::timeout;

use super::begun::BytesBody;
use crate::task::spawn;

/// How much of a body is read on.
const MOST: usize = 16 * 1_024 * 1_024;

/// How long a body is read on.
const LONGEST: Duration = Duration::from_secs(10);

/// Whether the body of a refused request is read on. A client that expects
/// `100 Continue` sends nothing before it, and reading would ask for it.
pub(crate) fn is_drained(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::EXPECT)
}

/// Reads on what a refused request sends, beside its answer, and drops it. A
/// connection that is closed on a client which still sends is reset, and the
/// answer is lost: a proxy then answers 502 (N83). With HTTP/2 only the stream is
/// reset, but HAProxy then closes its client's connection in the same way.
pub(crate) fn drain<B: BytesBody>(mut body: B) {
    if body.is_end_stream() {
        return;
    }
    let read_on = async move {
        let mut left = MOST;
        while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let length = frame.data_ref().map_or(0, bytes::Bytes::len);
            let Some(rest) = left.checked_sub(length) else {
                return;
            };
            left = rest;
        }
    };
    spawn(Box::pin(async { drop(timeout(LONGEST, read_on).await) }));
}
