//! Postgres is killed, and its standby takes over.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l04_postgres_failover_revives_and_loses_no_session() {
    support::lawful_outage(runs::postgres_fails_over(support::program()).await);
}
