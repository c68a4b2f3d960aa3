//! Two nodes under load while nothing goes wrong.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn the_law_holds_while_nothing_goes_wrong() {
    let outcome = support::lawful_load(runs::calm(support::program()).await);
    assert_eq!(outcome.figures.broken, 0, "{outcome}");
}
