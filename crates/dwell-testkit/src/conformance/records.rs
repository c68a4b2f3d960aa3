//! Every field of a record comes back unchanged, and `Debug` shows no secret.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{records, run};
//!
//! run(async || MemoryStore::new(), records::verifier_hashes_keep_all_bits);
//! ```

use std::time::Duration;

use dwell_core::store::{Created, Loaded};
use dwell_core::{
    Credential, EndReason, Facts, NetworkId, OpenPart, PolicyId, Previous, SessionKey,
    SessionRecord, Timestamp, Token, VerifierHash, minutes,
};

use super::StoreUnderTest;
use super::fixture::{Fixture, check, key, known_and_unknown, touch};

/// A record in which all fields differ and none has its default.
async fn full<T: StoreUnderTest>(fixture: &Fixture<T>) -> SessionRecord {
    let now = fixture.now().await;
    SessionRecord {
        key: key(1),
        subject: "alice".into(),
        facts: Facts {
            created_at: now - minutes(40),
            last_active_at: now - minutes(3),
            authenticated_at: now - minutes(20),
            idle_deadline: now + minutes(12),
            absolute_deadline: now + minutes(400),
            provider_deadline: Some(now + minutes(300)),
            locked_at: Some(now - minutes(1)),
            longest_pause: Duration::from_millis(654_321),
            failures: 3,
            policy: PolicyId::of("admin"),
            network: NetworkId::of("office"),
            version: 77,
        },
        credential: Credential {
            check: check(11),
            confirmed: false,
            previous: Some(Previous {
                check: check(12),
                at: now - minutes(2),
            }),
        },
        open: known_and_unknown(),
    }
}

/// Adds the records, and finds each unchanged, live and as a tombstone.
pub(super) async fn come_back<T: StoreUnderTest>(
    fixture: &Fixture<T>,
    what: &str,
    records: impl IntoIterator<Item = SessionRecord>,
) {
    for (n, mut record) in (0..).zip(records) {
        record.key = key(n);
        fixture.keep(&record).await;
        assert_eq!(
            fixture.found(record.key).await,
            record,
            "{what} comes back as it was"
        );
        let ended = fixture.end(record.key, EndReason::Revoked).await;
        assert_eq!(
            ended.expect("the session is there").record,
            record,
            "{what} comes back from the end as it was"
        );
        assert_eq!(
            fixture.tombstone(record.key).await.record,
            record,
            "{what} comes back from the tombstone as it was"
        );
    }
}

/// All fields set, and each optional field left out in turn.
pub async fn every_field_round_trips(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let full = full(&fixture).await;
    let leave_out: [fn(&mut SessionRecord); 6] = [
        |record| record.facts.provider_deadline = None,
        |record| record.facts.locked_at = None,
        |record| record.facts.network = NetworkId::NONE,
        |record| record.facts.longest_pause = Duration::ZERO,
        |record| record.open = OpenPart::new(),
        |record| record.credential.previous = None,
    ];
    let mut records = vec![full.clone()];
    for leave_out in leave_out {
        let mut record = full.clone();
        leave_out(&mut record);
        records.push(record);
    }
    come_back(&fixture, "every field", records).await;
}

/// All 128 bits of every verifier hash, also those that fit into no double and
/// no signed number.
pub async fn verifier_hashes_keep_all_bits(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let full = full(&fixture).await;
    let mut bits = vec![
        0,
        u128::MAX,
        u128::MAX - 1,
        u128::from(u64::MAX),
        u128::from(u64::MAX) + 1,
        (1 << 53) + 1,
        0x0123_4567_89ab_cdef_fedc_ba98_7654_3210,
    ];
    bits.extend((0..128).map(|bit| 1_u128 << bit));
    let records = bits.into_iter().map(|bits| {
        let mut record = full.clone();
        // One subject does not have that many tombstones.
        record.subject = format!("subject {bits}").into();
        record.credential.check = VerifierHash::from_bits(bits);
        let at = record.facts.created_at;
        record.credential.previous = Some(Previous {
            check: VerifierHash::from_bits(!bits),
            at,
        });
        record
    });
    come_back(&fixture, "a check", records).await;
}

/// The smallest and the largest value of every number, and instants to the
/// millisecond.
pub async fn extreme_values_round_trip(under: impl StoreUnderTest) {
    const YEAR_9999_END: Timestamp = Timestamp::from_millis(253_402_300_799_999);
    let fixture = Fixture::new(under);
    let full = full(&fixture).await;
    let odd = full.facts.created_at + Duration::from_millis(1);
    let mut records = Vec::new();
    for at in [Timestamp::MIN, odd, YEAR_9999_END, Timestamp::MAX] {
        let set: [fn(&mut SessionRecord, Timestamp); 8] = [
            |record, at| record.facts.created_at = at,
            |record, at| record.facts.last_active_at = at,
            |record, at| record.facts.authenticated_at = at,
            |record, at| record.facts.idle_deadline = at,
            |record, at| record.facts.absolute_deadline = at,
            |record, at| record.facts.provider_deadline = Some(at),
            |record, at| record.facts.locked_at = Some(at),
            |record, at| {
                let previous = record.credential.previous.as_mut();
                previous.expect("there is one").at = at;
            },
        ];
        for set in set {
            let mut record = full.clone();
            set(&mut record, at);
            records.push(record);
        }
    }
    for bits in [0, 1, 1 << 31, u32::MAX] {
        let mut record = full.clone();
        record.facts.policy = PolicyId::from_bits(bits);
        record.facts.network = NetworkId::from_bits(!bits);
        record.facts.version = bits;
        record.facts.longest_pause = Duration::from_millis(bits.into());
        records.push(record);
    }
    for failures in [0, 127, 128, u8::MAX] {
        let mut record = full.clone();
        record.facts.failures = failures;
        records.push(record);
    }
    come_back(&fixture, "an extreme value", records).await;
}

/// A pause that is too long to be kept exactly stays a very long one.
pub async fn pause_of_years_outlasts_any_idle_timeout(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut record = full(&fixture).await;
    record.facts.longest_pause = dwell_core::hours(24 * 3_650);
    fixture.keep(&record).await;
    let kept = fixture.found(record.key).await.facts.longest_pause;
    assert!(
        kept >= Duration::from_millis(u32::MAX.into()),
        "a pause may stop counting at 49 days, not before: {kept:?}"
    );
}

/// Deadlines in the infinite future never pass.
pub async fn infinite_deadline_never_passes(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let now = fixture.now().await;
    let mut record = fixture.record(1, "alice").await;
    record.facts.idle_deadline = Timestamp::MAX;
    record.facts.absolute_deadline = Timestamp::MAX;
    record.facts.provider_deadline = Some(Timestamp::MAX);
    fixture.keep(&record).await;
    let touched = fixture.touch(record.key, touch(&record, now)).await;
    assert_eq!(
        touched,
        dwell_core::store::TouchOutcome::Recorded,
        "a deadline that never comes has not passed"
    );
}

/// `Debug` of the store and of its answers shows neither token, nor key, nor
/// verifier hash, in any notation.
pub async fn l09_debug_shows_no_secret(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let token = Token::generate().expect("the system has randomness");
    let mut record = full(&fixture).await;
    record.key = token.key();
    record.facts.locked_at = None;
    record.credential = Credential {
        check: token.verifier(),
        confirmed: true,
        previous: Some(Previous {
            check: check(12),
            at: record.facts.created_at,
        }),
    };
    let store = fixture.store();
    let created: Created = store
        .create(record.clone(), None, fixture.due_policy())
        .await
        .unwrap();
    let loaded: Loaded = store.load(record.key).await.unwrap();
    let mut shown = format!("{store:?} {store:#?} {created:?} {loaded:?}");
    let listed = store.list(record.subject.clone()).await.unwrap();
    let ended = fixture.end(record.key, EndReason::Revoked).await;
    let tombstone = store.load(record.key).await.unwrap();
    shown += &format!("{listed:?} {ended:?} {tombstone:?} {store:?} {store:#?}");
    let shown = shown.to_lowercase();
    for secret in notations(&token, record.key) {
        assert!(
            !shown.contains(&secret.to_lowercase()),
            "`Debug` shows {secret:?}: {shown}"
        );
    }
}

/// The secrets of a session, in the usual notations.
fn notations(token: &Token, key: SessionKey) -> Vec<String> {
    let (selector, verifier) = token.expose().split_at(Token::LENGTH / 2);
    let mut secrets = vec![selector.to_owned(), verifier.to_owned()];
    for bits in [token.verifier().to_bits(), check(12).to_bits()] {
        secrets.extend([format!("{bits}"), format!("{bits:x}")]);
        let halves = [bits >> 64, bits & u128::from(u64::MAX)];
        secrets.extend(halves.map(|half| format!("{half}")));
        secrets.extend(halves.map(|half| format!("{half:x}")));
        secrets.extend(bytes(&bits.to_be_bytes()));
    }
    secrets.extend(bytes(key.as_bytes()));
    secrets
}

/// Sixteen bytes, and the first eight, as hexadecimal digits and as lists.
fn bytes(bytes: &[u8; 16]) -> Vec<String> {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
    let list = |bytes: &[u8]| {
        let bytes: Vec<_> = bytes.iter().map(ToString::to_string).collect();
        bytes.join(", ")
    };
    let part = &bytes[..8];
    vec![hex(bytes), hex(part), list(bytes), list(part)]
}
