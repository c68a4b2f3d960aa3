//! A master of a cluster is killed, and its replica takes over.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l04_cluster_failover_revives_and_loses_no_session() {
    support::lawful_outage(runs::cluster_master_killed(support::program()).await);
}
