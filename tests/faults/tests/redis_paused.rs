//! Redis stands still for five seconds.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l08_paused_redis_costs_no_session() {
    support::lawful_outage(runs::redis_paused(support::program()).await);
}
