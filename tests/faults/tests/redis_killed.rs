//! Redis is killed, and comes back with all data.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l08_killed_redis_costs_no_session() {
    support::lawful_outage(runs::redis_killed(support::program()).await);
}
