//! Redis is killed, and comes back with nothing.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l08_a_redis_that_forgot_lets_nobody_in_and_goes_on() {
    support::lawful_load(runs::redis_lost(support::program()).await);
}
