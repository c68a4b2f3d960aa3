//! Two nodes with wrong clocks.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l11_wrong_node_clocks_change_no_outcome() {
    let outcome = support::lawful_load(runs::skewed(support::program()).await);
    assert!((1_195..=1_205).contains(&outcome.clocks_apart), "{outcome}");
}
