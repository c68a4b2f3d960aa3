//! A rolling upgrade: what a node of a newer version has written.

#![allow(clippy::unwrap_used, reason = "a test helper fails the test")]

mod support;

use dwell_core::SessionKey;
use dwell_core::store::{SessionStore, StoreError};
use dwell_core::{minutes, seconds};
use dwell_servers::Redis;
use dwell_testkit::conformance::newer;
use support::{On, activity, driven, raw_key, start};

/// Where the value of a session has the code of its end reason.
const REASON: &str = "2";

#[tokio::test(flavor = "multi_thread")]
async fn l04_unknown_end_reason_is_an_end() {
    let write = async |on: &On<Redis>, key: SessionKey, code: u8| {
        let raw = raw_key(&on.server, key);
        let patch: [&[u8]; 4] = [b"SETRANGE", &raw, REASON.as_bytes(), &[code]];
        on.server.command_bytes(&patch).unwrap();
    };
    newer::l04_what_a_newer_version_ended_stays_ended(driven().await, write).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_damaged_open_part_opens_nothing() {
    let on = driven().await;
    for (n, damage) in (0..).zip([&b"\x01"[..], b"\x01\0\x05", b"\x02\0\0\x01\0\0"]) {
        let record = start(&on.store, n, minutes(1)).await;
        let raw = raw_key(&on.server, record.key);
        let append: [&[u8]; 3] = [b"APPEND", &raw, damage];
        on.server.command_bytes(&append).unwrap();
        let found = on.store.load(record.key).await;
        assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
        let later = activity(&record, seconds(30));
        let found = on.store.touch_and_load(record.key, later).await;
        assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
        assert_eq!(on.store.list(record.subject).await.unwrap(), []);
    }
}
