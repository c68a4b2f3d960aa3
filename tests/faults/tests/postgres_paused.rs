//! Postgres stands still for five seconds.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l08_a_postgres_that_stands_still_costs_nobody_their_session() {
    support::lawful_outage(runs::postgres_paused(support::program()).await);
}
