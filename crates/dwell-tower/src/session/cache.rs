//! What shared caches may keep, so that no answer carries one person's session to
//! another (law L20).

use http::header::Entry;
use http::{HeaderMap, StatusCode, header};

use crate::rejection::NO_STORE;

/// Keeps a personal answer out of caches, if it does not say anything itself.
/// Returns whether a shared cache may keep the answer now (RFC 9111 §3). One that
/// says nothing it may keep `by_default`.
pub(super) fn keep_out(headers: &mut HeaderMap, personal: bool, by_default: bool) -> bool {
    match headers.entry(header::CACHE_CONTROL) {
        Entry::Vacant(field) if personal => {
            field.insert(NO_STORE);
            false
        }
        Entry::Vacant(_) => by_default || headers.contains_key(header::EXPIRES),
        Entry::Occupied(lines) => !lines.iter().any(|line| {
            let mut directives = line.as_bytes().split(|byte| *byte == b',');
            directives.any(is_forbidding)
        }),
    }
}

/// Whether a directive keeps an answer out of shared caches. With an argument,
/// `private` speaks of single fields only.
fn is_forbidding(directive: &[u8]) -> bool {
    let directive = directive.trim_ascii();
    directive.eq_ignore_ascii_case(b"no-store") || directive.eq_ignore_ascii_case(b"private")
}

/// Whether an answer with this status may be kept without its saying so (RFC 9110
/// §15.1).
pub(super) fn is_kept_by_default(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(lines: &[&'static str], by_default: bool) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CACHE_CONTROL, line.parse().unwrap());
        }
        keep_out(&mut headers, false, by_default)
    }

    #[test]
    fn l20_only_no_store_and_private_keep_answer_out_of_caches() {
        for own in [
            "no-store",
            "private",
            "Private",
            "max-age=60 ,NO-STORE",
            "private, max-age=9",
        ] {
            assert!(!shared(&[own], true), "{own}");
        }
        assert!(!shared(&["max-age=60", "private"], true), "on any line");
        for open in [
            "public",
            "max-age=60",
            "s-maxage=1",
            "no-cache",
            "",
            "private=\"set-cookie\"",
            "xprivate",
        ] {
            assert!(shared(&[open], false), "{open}");
        }
    }

    #[test]
    fn l20_silent_answer_is_kept_by_its_status() {
        assert!(shared(&[], true));
        assert!(!shared(&[], false));
        let mut headers = HeaderMap::new();
        headers.insert(header::EXPIRES, "0".parse().unwrap());
        assert!(keep_out(&mut headers, false, false));
    }
}
