//! What reaping promises beyond the conformance suite.

mod support;

use dwell_core::minutes;
use dwell_core::store::SessionStore;
use futures_util::future::join_all;
use support::{driven, due_policy, start};

// A new store looks at all sessions in its first passes, since policies may
// have changed. In a large store that takes a while.
#[tokio::test(flavor = "multi_thread")]
async fn l12_due_sessions_end_before_all_sessions_are_looked_at() {
    let on = driven().await;
    join_all((10..3_010).map(|n| start(&on.store, n, minutes(1)))).await;
    join_all((0..5).map(|n| start(&on.store, n, minutes(15)))).await;
    let mut ended = 0;
    let mut passes = 0;
    while ended < 5 {
        let reaped = on.store.reap(due_policy(), 500).await.unwrap();
        assert!(reaped.more, "the others are not looked at yet");
        ended += reaped.ended.len();
        passes += 1;
    }
    assert!(passes <= 3, "{passes} passes");
}
