//! Another program locks the file of SQLite.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l05_locked_sqlite_throws_out_nobody_active() {
    support::lawful_writes_refused(runs::sqlite_locked(support::program()).await);
}
