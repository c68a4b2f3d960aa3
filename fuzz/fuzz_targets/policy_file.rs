//! A policy file is refused with its line, or gives limits within bounds.
#![no_main]

use dwell_core::{MAX_DURATION, PolicySet, seconds};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match PolicySet::from_toml("fuzz.toml", text) {
        Err(error) => {
            assert!(error.line >= 1 && error.line <= text.matches('\n').count() + 1);
            assert!(error.to_string().starts_with("fuzz.toml:"));
        }
        Ok(set) => {
            let default = set.policy("default").expect("a set has a default policy");
            for length in [default.idle(), default.absolute()] {
                assert!(length >= seconds(1) && length <= MAX_DURATION);
            }
            assert!(default.idle() <= default.absolute());
            assert!(default.warn() <= default.idle());
            assert!(set.granularity() <= default.idle() / 4);
        }
    }
});
