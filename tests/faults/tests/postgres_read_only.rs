//! Postgres takes no writes.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l05_read_only_postgres_throws_out_nobody_active() {
    support::lawful_writes_refused(runs::postgres_read_only(support::program()).await);
}
