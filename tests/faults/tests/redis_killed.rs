//! Redis is killed, and comes back with everything.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l08_a_killed_redis_costs_nobody_their_session() {
    support::lawful_outage(runs::redis_killed(support::program()).await);
}
