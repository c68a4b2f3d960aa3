//! Any bytes are refused or read as an open part, which reads back unchanged.
#![no_main]

use dwell_core::{OpenPart, OpenTag};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(open) = OpenPart::from_bytes(bytes) else {
        return;
    };
    assert_eq!(open.as_bytes(), bytes);
    let tag = OpenTag::AUTHENTICATION;
    let without = open.without(tag);
    assert_eq!(without.get(tag), None);
    match open.get(tag) {
        Some(value) => assert_eq!(without.with(tag, value), Ok(open.clone())),
        None => assert_eq!(without, open),
    }
    if let Some(context) = open.authentication() {
        let again = without.with_authentication(&context);
        let again = again.expect("what was there fits");
        assert_eq!(again.authentication().unwrap_or_default(), context);
    }
});
