//! Postgres stands still for five seconds.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l08_paused_postgres_costs_no_session() {
    support::lawful_outage(runs::postgres_paused(support::program()).await);
}
