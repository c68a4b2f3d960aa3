//! A rolling upgrade: what a node of a newer version has written.

#![allow(clippy::unwrap_used, reason = "a test helper fails the test")]

mod support;

use dwell_core::store::{SessionStore, StoreError};
use dwell_core::{SessionKey, minutes, seconds};
use dwell_servers::Redis;
use dwell_testkit::conformance::newer::WriteReason;
use dwell_testkit::store_conformance;
use support::{On, activity, driven, raw_key, start};

impl WriteReason for On<Redis> {
    async fn write_reason(&self, key: SessionKey, code: u8) {
        let raw = raw_key(&self.server, key);
        // Where a value has the code.
        let patch: [&[u8]; 4] = [b"SETRANGE", &raw, b"2", &[code]];
        self.server.command_bytes(&patch).unwrap();
    }
}

store_conformance!(of_a_newer_version, newer, driven);

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
