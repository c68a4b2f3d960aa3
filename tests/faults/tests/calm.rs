//! Two nodes under load while nothing goes wrong.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn laws_hold_without_faults() {
    let outcome = support::lawful_load(runs::calm(support::program()).await);
    assert_eq!(outcome.figures.broken, 0, "{outcome}");
}
