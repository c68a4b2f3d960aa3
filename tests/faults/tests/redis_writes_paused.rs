//! Redis keeps writes waiting.

mod support;

use dwell_faults::runs;

#[tokio::test(flavor = "multi_thread")]
async fn l05_paused_writes_of_redis_throw_out_nobody_active() {
    support::lawful_writes_refused(runs::redis_writes_paused(support::program()).await);
}
