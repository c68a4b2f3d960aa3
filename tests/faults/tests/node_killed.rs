//! A node is killed under load, and comes back.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_costs_nobody_their_session() {
    let outcome = support::lawful_load(runs::node_killed(support::program()).await);
    assert!(outcome.figures.broken > 0, "it was noticed: {outcome}");
}
