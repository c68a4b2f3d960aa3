//! The suite has teeth: its cases find every planted fault, with the right
//! message, and every case finds some fault.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test panics")]

mod create;
mod end;
mod failures;
mod newer;
mod outage;
mod outliving;
mod plain;
mod planted;
mod reads;
mod reap;
mod tombstones;
mod touch;
mod update;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
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

// The store itself has no fault, so what a case finds is the planted one.
store_conformance!(without_a_fault, async || planted(Fault::None));

/// Runs a case on a store with this fault. It must fail with this message.
fn assert_found(fault: Fault, name: &str, case: impl AsyncFnOnce(UnderTest), says: &str) {
    assert_fails(planted(fault), fault, name, case, says);
}

fn assert_fails<T>(under: T, fault: impl Debug, name: &str, case: impl AsyncFnOnce(T), says: &str) {
    // One thread, so that tasks always run in the same order.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let run = || runtime.unwrap().block_on(case(under));
    let Err(panic) = catch_unwind(AssertUnwindSafe(run)) else {
        panic!("{name} does not find {fault:?}")
    };
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
    let said = said.unwrap_or_default();
    assert!(
        said.contains(says),
        "{name} finds {fault:?} but says: {said}"
    );
}

/// Makes a test of every fault: the cases that find it, and their messages.
macro_rules! teeth {
    ($($test:ident: $fault:ident { $($subject:ident::$case:ident, $says:literal;)+ })+) => {
        $(#[test]
        fn $test() {
            $(assert_found(
                Fault::$fault,
                stringify!($case),
                dwell_testkit::conformance::$subject::$case,
                $says,
            );)+
        })+

        /// The cases that find a fault of this file.
        pub(crate) const FINDERS: &[&str] = &[$($(stringify!($case),)+)+];
    };
}
use teeth;

const CASES: &[&str] = dwell_testkit::__conformance_cases! { all, names [] };

#[test]
fn every_case_finds_a_fault() {
    let finders = [
        create::FINDERS,
        end::FINDERS,
        failures::FINDERS,
        newer::FINDERS,
        outage::FINDERS,
        outliving::FINDERS,
        reads::FINDERS,
        reap::FINDERS,
        tombstones::FINDERS,
        touch::FINDERS,
        update::FINDERS,
    ]
    .concat();
    let toothless = CASES.iter().filter(|case| !finders.contains(case));
    assert_eq!(toothless.collect::<Vec<_>>(), [] as [&&str; 0]);
}

#[test]
fn every_case_is_in_the_list() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/conformance");
    let files = fs::read_dir(folder).unwrap();
    let sources = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let written: BTreeSet<_> = sources
        .flat_map(|source| {
            let cases = source.split("\npub async fn ").skip(1);
            let names = cases.filter_map(|text| text.split('(').next());
            names.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(written, CASES.iter().map(ToString::to_string).collect());
}
