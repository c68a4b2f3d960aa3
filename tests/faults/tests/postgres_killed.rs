//! Postgres is killed, and comes back.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l08_killed_postgres_costs_no_session() {
    support::lawful_outage(runs::postgres_killed(support::program()).await);
}
