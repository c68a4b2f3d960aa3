//! Redis takes its time.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l08_a_slow_redis_is_waited_for_no_longer_than_stated() {
    support::lawful_outage(runs::redis_slow(support::program()).await);
}
