//! What stays open: `streams`.

use crate::program::{start, within};

#[tokio::test]
async fn streams_end_with_their_session() {
    let program = start!("streams").await;
    let browser = program.alice().await;
    let page = browser.visit("/").await;
    assert!(page.text().contains("EventSource"));
    // Read to its end, which only the layer brings about.
    let stream = within(browser.fetch("/clock")).await;
    let text = stream.text();
    assert!(text.starts_with("data: 0\n\ndata: 1\n\n"), "{text}");
    let last = "event: session-expired\ndata: {\"reason\":\"idle_timeout\"}\n\n";
    assert!(text.ends_with(last), "{text}");
    assert_eq!(browser.fetch("/").await.reason(), "idle_timeout");
}
