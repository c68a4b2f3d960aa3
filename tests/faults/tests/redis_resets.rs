//! Connections to Redis are reset, again and again.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l08_lost_connections_cost_no_session() {
    let outcome = support::lawful_load(runs::redis_resets(support::program()).await);
    assert!(outcome.figures.survivors > 10, "{outcome}");
}
