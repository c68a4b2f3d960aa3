//! A master of a cluster is killed, and its replica takes over.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l04_a_failover_revives_nobody_and_costs_nobody_their_session() {
    support::lawful_outage(runs::cluster_master_killed(support::program()).await);
}
