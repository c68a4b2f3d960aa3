//! Redis answers slowly.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l08_slow_redis_is_waited_for_within_limit() {
    support::lawful_outage(runs::redis_slow(support::program()).await);
}
