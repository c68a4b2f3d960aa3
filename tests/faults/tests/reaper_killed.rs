//! A node is killed while it reports ten thousand ends.

mod support;

use dwell_faults::runs::{self, On};

#[tokio::test(flavor = "multi_thread")]
async fn l12_what_a_killed_node_did_not_report_the_other_one_does_with_redis() {
    all_at_least_once(On::Redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l12_what_a_killed_node_did_not_report_the_other_one_does_with_postgres() {
    all_at_least_once(On::Postgres).await;
}

async fn all_at_least_once(on: On) {
    let outcome = support::lawful(runs::reaper_killed(support::program(), on).await);
    assert_eq!(outcome.figures.ends, 10_000);
}
