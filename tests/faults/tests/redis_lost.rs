//! Redis is killed, and comes back empty.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l08_redis_that_lost_data_opens_no_session_and_serves_on() {
    support::lawful_load(runs::redis_lost(support::program()).await);
}
