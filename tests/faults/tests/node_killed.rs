//! A node is killed under load, and comes back.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn killed_node_costs_no_session() {
    let outcome = support::lawful_load(runs::node_killed(support::program()).await);
    assert!(
        outcome.figures.broken > 0,
        "no request noticed the kill: {outcome}"
    );
}
