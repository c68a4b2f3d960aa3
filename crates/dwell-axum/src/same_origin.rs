//! Tells whether a request comes from a page of the same origin.

use http::request::Parts;
use http::{HeaderMap, header};

/// Returns whether the caller has the same origin: by `Sec-Fetch-Site` if the
/// browser sends it, else by comparing `Origin` with the request's host. `false`
/// if both are missing or one is sent twice.
pub(crate) fn is_same_origin(request: &Parts) -> bool {
    let headers = &request.headers;
    if headers.contains_key("sec-fetch-site") {
        return single(headers, "sec-fetch-site") == Some("same-origin");
    }
    let origin = single(headers, header::ORIGIN.as_str());
    let origin = origin
        .and_then(|o| o.split_once("://"))
        .map(|(_, host)| host);
    let host = match request.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => single(headers, header::HOST.as_str()),
    };
    match (origin, host) {
        (Some(origin), Some(host)) => origin.eq_ignore_ascii_case(host),
        _ => false,
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &[(&'static str, &'static str)]) -> bool {
        let mut request = http::Request::new(());
        for (name, value) in list {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        is_same_origin(&request.into_parts().0)
    }

    #[test]
    fn only_same_origin_caller_passes() {
        let host = ("host", "bank.example:8443");
        assert!(check(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(check(&[host, ("origin", "https://bank.example:8443")]));
        for bad in ["same-site", "cross-site", "none", "Same-Origin", ""] {
            assert!(!check(&[host, ("sec-fetch-site", bad)]), "{bad}");
        }
        // Fetch metadata takes precedence.
        let crossed = [
            host,
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://bank.example:8443"),
        ];
        assert!(!check(&crossed));
        for bad in [
            "https://bank.example",
            "https://evil.example",
            "null",
            "https://bank.example:8443.evil.example",
        ] {
            assert!(!check(&[host, ("origin", bad)]), "{bad}");
        }
        assert!(!check(&[host]));
        let twice = [
            host,
            ("origin", "https://bank.example:8443"),
            ("origin", "https://evil.example"),
        ];
        assert!(!check(&twice));
    }
}
