//! Whatever clients and proxies say of origins, hosts and prefixes, no redirect
//! leaves this origin.
#![no_main]

use dwell_tower::gateway::{Origin, Prefix, is_same_origin};
use dwell_tower::rejection::{DefaultRejection, MakeRejection, Refusal};
use dwell_tower::safe_return_to;
use http::{HeaderValue, Request, header};
use libfuzzer_sys::fuzz_target;

/// Headers that a line of the input each gives a value.
const NAMES: [&str; 8] = [
    "origin",
    "host",
    "hx-current-url",
    "hx-request",
    "turbo-frame",
    "accept",
    "x-forwarded-prefix",
    "x-forwarded-host",
];

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(origin) = text.parse::<Origin>() {
            let written = origin.to_string();
            assert_eq!(written.parse().as_ref(), Ok(&origin));
            let (_, host) = written.split_once("://").expect("it has a scheme");
            assert!(
                !host.contains(['/', '?', '#', '@', ' ', '\r', '\n']),
                "{written}"
            );
        }
        if let Ok(prefix) = text.parse::<Prefix>() {
            let path = format!("{prefix}/login");
            assert_eq!(safe_return_to(&path), Some(&*path));
        }
    }
    let mut request = Request::new(());
    for (name, line) in NAMES.into_iter().zip(data.split(|byte| *byte == b'\n')) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            request.headers_mut().append(name, value);
        }
    }
    let (head, ()) = request.into_parts();
    let origin = head.headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    let host = head.headers.get(header::HOST).map(HeaderValue::as_bytes);
    if is_same_origin(&head) {
        let (origin, host) = (origin.expect("it has one"), host.expect("and a host"));
        assert!(
            origin
                .to_ascii_lowercase()
                .ends_with(&host.to_ascii_lowercase())
        );
    }
    let rejection = DefaultRejection::new().with_login("/login");
    let answer = rejection.reject(&Refusal::SessionRequired, &head);
    for name in ["location", "hx-redirect"] {
        let Some(to) = answer.headers().get(name) else {
            continue;
        };
        let to = to.to_str().expect("it is ASCII");
        assert!(to.starts_with("/login?reason=session_required"), "{to}");
        if let Some((_, back)) = to.split_once("&return_to=") {
            let path = back.strip_prefix("%2F").expect("a path");
            assert!(!path.starts_with("%2F") && !path.contains("%5C"), "{to}");
        }
    }
});
