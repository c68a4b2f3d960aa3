//! A node is killed while it reports ten thousand ends.

mod support;

use dwell_faults::runs::{self, On};

#[tokio::test(flavor = "multi_thread")]
async fn l12_redis_hands_ends_of_killed_node_to_the_other() {
    all_at_least_once(On::Redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l12_postgres_hands_ends_of_killed_node_to_the_other() {
    all_at_least_once(On::Postgres).await;
}

async fn all_at_least_once(on: On) {
    let outcome = support::lawful(runs::reaper_killed(support::program(), on).await);
    assert_eq!(outcome.figures.ends, 10_000);
}
