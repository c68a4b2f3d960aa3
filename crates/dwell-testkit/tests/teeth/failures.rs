//! Faulty counts of failed authentications.

use dwell_core::SessionKey;
use dwell_core::store::StoreFuture;

use crate::assert_found;
use crate::planted::{Fault, Planted, ready};

pub(crate) fn count_failure(store: &Planted, key: SessionKey) -> StoreFuture<'_, Option<u8>> {
    if store.has(Fault::FailureIsNotAtomic) {
        return StoreFuture::boxed(async move {
            let before = store.plain.rows().get(&key).cloned();
            let Some(before) = before.filter(|row| row.grave.is_none()) else {
                return Ok(None);
            };
            store.dawdle().await;
            let counted = before.record.facts.failures + 1;
            if let Some(row) = store.plain.rows().get_mut(&key) {
                row.record.facts.failures = counted;
            }
            Ok(Some(counted))
        });
    }
    let counted = store.plain.count_failure(key);
    let mut rows = store.plain.rows();
    let Some(row) = rows.get_mut(&key) else {
        return ready(None);
    };
    let facts = &mut row.record.facts;
    let late = match store.fault {
        Fault::FailureIgnoresDeadlines => row.grave.is_none(),
        Fault::FailureInATombstone => row.grave.is_some(),
        _ => false,
    };
    if counted.is_none() && late {
        facts.failures += 1;
        return ready(Some(facts.failures));
    }
    match store.fault {
        Fault::FailureIsAVersion => facts.version += 1,
        Fault::FailuresWrap if counted == Some(255) => facts.failures = 0,
        _ => {}
    }
    ready(counted)
}

crate::teeth! {
    failure_after_deadline_is_found: FailureIgnoresDeadlines {
        failures::n11_failure_at_hard_deadline_is_too_late, "it is too late";
    }
    failure_in_tombstone_is_found: FailureInATombstone {
        failures::l04_ended_session_counts_no_failure, "counts nothing";
    }
    failure_making_version_is_found: FailureIsAVersion {
        failures::n67_failure_conflicts_with_no_update, "is no conflict";
    }
    non_atomic_failure_is_found: FailureIsNotAtomic {
        failures::n67_failures_at_once_are_all_counted, "every failure is counted";
        failures::n67_fifth_of_failures_at_once_ends_session_once, "one failure ends";
    }
    wrapping_count_of_failures_is_found: FailuresWrap {
        failures::n67_count_of_failures_stays_at_its_largest, "the largest count stays";
    }
}
