//! Ten thousand sessions that end in the same second.

mod support;

use dwell_faults::runs::{self, On};

#[tokio::test(flavor = "multi_thread")]
async fn l12_redis_reports_ten_thousand_ends_once_each() {
    all_once(On::Redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l12_postgres_reports_ten_thousand_ends_once_each() {
    all_once(On::Postgres).await;
}

async fn all_once(on: On) {
    let outcome = support::lawful(runs::many_ends(support::program(), on).await);
    let figures = &outcome.figures;
    assert_eq!((figures.ends, figures.repeated), (10_000, 0));
}
