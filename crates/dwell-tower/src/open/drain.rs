//! What a refused request still sends.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Version, header};
use tokio::time::{sleep, timeout};

use super::begun::BytesBody;
use crate::task::spawn;

/// How much of a body is read on.
const MOST: usize = 16 * 1_024 * 1_024;

/// How long a body is read on.
const LONGEST: Duration = Duration::from_secs(10);

/// How long the answer's head may take to the connection.
const HEAD: Duration = Duration::from_millis(50);

/// How the body of a refused request is read on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Drain {
    /// Whether reading asks the client for the body, as long as no answer is on its
    /// way: hyper then sends `100 Continue`.
    asks: bool,
}

impl Drain {
    /// Finds how the body of the request with this head is read on.
    pub(crate) fn of(version: Version, headers: &HeaderMap) -> Self {
        let asks = version < Version::HTTP_2 && headers.contains_key(header::EXPECT);
        Self { asks }
    }

    /// Writes to a refusal that the connection is not used again, if its client may
    /// keep the body. It must send it otherwise (RFC 9110 §10.1.1), but Go before 1.22.5
    /// sends its next request in place of it (CVE-2024-24791).
    pub(crate) fn announce(self, headers: &mut HeaderMap) {
        if self.asks {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }

    /// Reads on what a refused request sends, beside its answer, and drops it. A
    /// connection that is closed on a client which still sends is reset, and the
    /// answer is lost: a proxy then answers 502 (N83). With HTTP/2 only the stream is
    /// reset, but HAProxy then closes its client's connection in the same way.
    ///
    /// Some clients that expect `100 Continue` send without it: Caddy, and curl
    /// after a second.
    pub(crate) fn start<B: BytesBody>(self, mut body: B) {
        if body.is_end_stream() {
            return;
        }
        let read_on = async move {
            if self.asks {
                sleep(HEAD).await;
            }
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
}
