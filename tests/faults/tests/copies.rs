//! Two nodes with copies of hot sessions, while nothing goes wrong.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn laws_hold_for_nodes_with_copies() {
    support::lawful_load(runs::copies(support::program()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_copies_without_feed_revive_no_session() {
    let outcome = support::lawful_load(runs::copies_resets(support::program()).await);
    assert!(outcome.figures.survivors > 10, "{outcome}");
}
