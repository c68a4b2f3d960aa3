//! Redis takes no writes, as a replica.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l05_read_only_redis_throws_out_nobody_active() {
    support::lawful_writes_refused(runs::redis_read_only(support::program()).await);
}
