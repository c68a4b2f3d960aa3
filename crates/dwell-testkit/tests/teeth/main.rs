//! The suite has teeth: every planted fault is found by the cases that are
//! about it, for the reason that they state, and every case finds some fault.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod create;
mod end;
mod outage;
mod outliving;
mod plain;
mod planted;
mod reads;
mod reap;
mod tombstones;
mod touch;
mod update;

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dwell_core::{ManualClock, hours};
use dwell_testkit::conformance::OnManualClock;
use dwell_testkit::store_conformance;

use crate::planted::{Fault, Planted};

type UnderTest = OnManualClock<Planted>;

fn planted(fault: Fault) -> UnderTest {
    let clock = ManualClock::new();
    let store = Planted::new(clock.clone(), hours(1), fault);
    OnManualClock::new(store, clock, hours(1))
}

// What the faults are planted in has none: whatever is found is the fault.
store_conformance!(without_a_fault, async || planted(Fault::None));

/// Runs a case on a store with this fault: it must fail, and say this.
fn assert_found(fault: Fault, name: &str, case: impl AsyncFnOnce(UnderTest), says: &str) {
    // One thread, so that tasks take turns in the same order every time.
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let run = || runtime.unwrap().block_on(case(planted(fault)));
    let Err(panic) = catch_unwind(AssertUnwindSafe(run)) else {
        panic!("{name} does not find {fault:?}")
    };
    let said = said_by(&*panic);
    assert!(
        said.contains(says),
        "{name} finds {fault:?} but says: {said}"
    );
}

/// What a panic says.
pub(crate) fn said_by(panic: &dyn Any) -> &str {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
    said.unwrap_or_default()
}

/// Makes a test of every fault: which cases find it, and what they say.
macro_rules! teeth {
    ($($test:ident: $fault:ident { $($subject:ident::$case:ident, $says:literal;)+ })+) => {
        $(#[test]
        fn $test() {
            $($crate::assert_found(
                $crate::planted::Fault::$fault,
                stringify!($case),
                dwell_testkit::conformance::$subject::$case,
                $says,
            );)+
        })+

        /// The cases that find something here.
        pub(crate) const FINDERS: &[&str] = &[$($(
            concat!(stringify!($subject), "::", stringify!($case)),
        )+)+];
    };
}
use teeth;

macro_rules! names {
    (; $($subject:ident { [$($any:ident)*] [$($driven:ident)*] })+) => {
        [$(
            $(concat!(stringify!($subject), "::", stringify!($any)),)*
            $(concat!(stringify!($subject), "::", stringify!($driven)),)*
        )+]
    };
}

/// All cases, with their subject.
const CASES: &[&str] = &dwell_testkit::__conformance_cases! { [names] };

#[test]
fn every_case_finds_a_fault() {
    let finders = [
        create::FINDERS,
        end::FINDERS,
        reads::FINDERS,
        reap::FINDERS,
        tombstones::FINDERS,
        touch::FINDERS,
        update::FINDERS,
    ];
    let finders: BTreeSet<_> = finders.into_iter().flatten().copied().collect();
    assert_eq!(outliving::FINDERS.len(), 4);
    let toothless: Vec<_> = CASES
        .iter()
        .filter(|case| !finders.contains(*case))
        .collect();
    assert!(toothless.is_empty(), "{toothless:#?}");
}

#[test]
fn every_case_is_in_the_list() {
    let sources = [
        include_str!("../../src/conformance/clock.rs"),
        include_str!("../../src/conformance/end.rs"),
        include_str!("../../src/conformance/keeping.rs"),
        include_str!("../../src/conformance/limit.rs"),
        include_str!("../../src/conformance/locking.rs"),
        include_str!("../../src/conformance/reapers.rs"),
        include_str!("../../src/conformance/reaping.rs"),
        include_str!("../../src/conformance/records.rs"),
        include_str!("../../src/conformance/subjects.rs"),
        include_str!("../../src/conformance/together.rs"),
        include_str!("../../src/conformance/tombstones.rs"),
        include_str!("../../src/conformance/touch.rs"),
        include_str!("../../src/conformance/update.rs"),
    ];
    let written: Vec<_> = sources
        .iter()
        .flat_map(|source| source.split("\npub async fn ").skip(1))
        .filter_map(|text| text.split_once('(').map(|(name, _)| name))
        .collect();
    for name in &written {
        let is_listed = CASES
            .iter()
            .any(|case| case.ends_with(&format!("::{name}")));
        assert!(is_listed, "{name} is in no list, so no store is put to it");
    }
    assert_eq!(written.len(), CASES.len());
}
