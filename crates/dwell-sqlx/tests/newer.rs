//! A rolling upgrade: what a node of a newer version has written.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "a test helper fails the test")]

mod support;

use dwell_core::{ManualClock, SessionKey, hours};
use dwell_testkit::conformance::{OnManualClock, newer};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqlitePool;
use support::{Folder, digits};

#[tokio::test(flavor = "multi_thread")]
async fn l04_unknown_end_reason_is_an_end_in_postgres() {
    let (server, store, clock) = support::served().await;
    let write = async |_: &OnManualClock<_>, key: SessionKey, code: u8| {
        let key = format!("decode('{}', 'hex')", digits(key));
        server.query("postgres", &ended_for(code, &key)).unwrap();
    };
    let under = OnManualClock::new(store, clock, hours(1));
    newer::l04_what_a_newer_version_ended_stays_ended(under, write).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_unknown_end_reason_is_an_end_in_sqlite() {
    let (folder, clock) = (Folder::new(), ManualClock::new());
    let store = support::sqlite(&folder, &clock).await;
    let url = format!("sqlite://{}", folder.path("sessions.db"));
    let pool = SqlitePool::connect(&url).await.unwrap();
    let write = async |_: &OnManualClock<_>, key: SessionKey, code: u8| {
        let sql = ended_for(code, &format!("x'{}'", digits(key)));
        let query = sqlx::query(AssertSqlSafe(sql));
        query.execute(&pool).await.unwrap();
    };
    let under = OnManualClock::new(store, clock, hours(1));
    newer::l04_what_a_newer_version_ended_stays_ended(under, write).await;
}

fn ended_for(code: u8, key: &str) -> String {
    format!("UPDATE dwell_session SET ended_reason = {code} WHERE key = {key}")
}
