//! An accepted return target stays on this origin.
#![no_main]

use dwell_tower::safe_return_to;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|target: &str| {
    let Some(kept) = safe_return_to(target) else {
        return;
    };
    assert_eq!(kept, target);
    // Browsers do the same before they resolve a URL: drop tabs and line
    // breaks, read backslashes as slashes.
    let browser: String = kept
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .map(|c| if c == '\\' { '/' } else { c })
        .collect();
    assert!(browser.starts_with('/') && !browser.starts_with("//"));
    assert!(http::HeaderValue::from_str(kept).is_ok());
});
