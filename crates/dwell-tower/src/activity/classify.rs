//! What a request says of itself, read from its headers.

use dwell_core::{Declaration, Fetch, RequestEvidence};
use http::{HeaderMap, Method};

/// Reads the evidence that a request carries.
pub trait ClassifyActivity: Send + Sync + 'static {
    /// The evidence. It only ever weakens.
    fn classify(&self, method: &Method, headers: &HeaderMap) -> RequestEvidence;
}

impl<F> ClassifyActivity for F
where
    F: Fn(&Method, &HeaderMap) -> RequestEvidence + Send + Sync + 'static,
{
    fn classify(&self, method: &Method, headers: &HeaderMap) -> RequestEvidence {
        self(method, headers)
    }
}

/// The default: [`classify_headers`].
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultClassifier;

impl ClassifyActivity for DefaultClassifier {
    fn classify(&self, method: &Method, headers: &HeaderMap) -> RequestEvidence {
        classify_headers(method, headers)
    }
}

/// The default classification; see the [module docs](super).
#[must_use]
pub fn classify_headers(method: &Method, headers: &HeaderMap) -> RequestEvidence {
    RequestEvidence {
        declaration: declaration(headers),
        fetch: fetch(method, headers),
    }
}

/// A header that must stand once to be understood.
enum Single<'a> {
    Absent,
    One(&'a [u8]),
    Garbled,
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Single<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Single::Absent,
        (Some(value), None) => Single::One(value.as_bytes()),
        (Some(_), Some(_)) => Single::Garbled,
    }
}

fn declaration(headers: &HeaderMap) -> Declaration {
    match single(headers, "session-activity") {
        Single::Absent => Declaration::None,
        Single::One(b"active") => Declaration::Active,
        Single::One(_) | Single::Garbled => Declaration::Passive,
    }
}

fn fetch(method: &Method, headers: &HeaderMap) -> Fetch {
    const PREFETCH: [&str; 3] = ["sec-purpose", "purpose", "x-moz"];
    const DEVICE_BOUND: [&str; 2] = ["sec-secure-session-id", "secure-session-response"];
    let has = |name: &&str| headers.contains_key(*name);
    if PREFETCH.iter().any(has) {
        return Fetch::Prefetch;
    }
    if *method == Method::OPTIONS || DEVICE_BOUND.iter().any(has) {
        return Fetch::Background;
    }
    match single(headers, "sec-fetch-site") {
        Single::Absent | Single::One(b"same-origin" | b"same-site" | b"none") => Fetch::Plain,
        Single::One(b"cross-site") if is_top_level(headers) => Fetch::Plain,
        Single::One(_) | Single::Garbled => Fetch::CrossSite,
    }
}

fn is_top_level(headers: &HeaderMap) -> bool {
    let is = |name, wanted: &[u8]| matches!(single(headers, name), Single::One(v) if v == wanted);
    is("sec-fetch-mode", b"navigate") && is("sec-fetch-dest", b"document")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(list: &[(&'static str, &'static str)]) -> RequestEvidence {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(*name, value.parse().unwrap());
        }
        classify_headers(&Method::GET, &headers)
    }

    #[test]
    fn n02_garbled_declarations_fall_to_passive() {
        let declared = |list| request(list).declaration;
        assert_eq!(declared(&[]), Declaration::None);
        assert_eq!(
            declared(&[("session-activity", "active")]),
            Declaration::Active
        );
        for odd in [
            "passive",
            "Passive",
            "ACTIVE",
            "Active",
            "active, active",
            "",
            "1",
            "active;q=1",
        ] {
            assert_eq!(
                declared(&[("session-activity", odd)]),
                Declaration::Passive,
                "{odd:?}"
            );
        }
        let twice = [
            ("session-activity", "active"),
            ("session-activity", "active"),
        ];
        assert_eq!(declared(&twice), Declaration::Passive);
    }

    #[test]
    fn l02_prefetch_and_prerender_are_not_activity() {
        for value in ["prefetch", "prefetch;prerender", "whatever"] {
            assert_eq!(request(&[("sec-purpose", value)]).fetch, Fetch::Prefetch);
        }
        assert_eq!(request(&[("purpose", "prefetch")]).fetch, Fetch::Prefetch);
        assert_eq!(request(&[("x-moz", "prefetch")]).fetch, Fetch::Prefetch);
    }

    #[test]
    fn l02_cross_site_subresources_are_not_activity_but_top_level_navigations_are() {
        let cross = ("sec-fetch-site", "cross-site");
        let navigate = ("sec-fetch-mode", "navigate");
        assert_eq!(request(&[cross]).fetch, Fetch::CrossSite);
        assert_eq!(
            request(&[cross, ("sec-fetch-mode", "no-cors")]).fetch,
            Fetch::CrossSite
        );
        assert_eq!(request(&[cross, navigate]).fetch, Fetch::CrossSite);
        let frame = [cross, navigate, ("sec-fetch-dest", "iframe")];
        assert_eq!(request(&frame).fetch, Fetch::CrossSite);
        let top = [cross, navigate, ("sec-fetch-dest", "document")];
        assert_eq!(request(&top).fetch, Fetch::Plain);
        assert_eq!(
            request(&[("sec-fetch-site", "same-origin")]).fetch,
            Fetch::Plain
        );
    }

    #[test]
    fn l17_unknown_or_doubled_fetch_metadata_falls_to_passive() {
        assert_eq!(
            request(&[("sec-fetch-site", "Same-Origin")]).fetch,
            Fetch::CrossSite
        );
        assert_eq!(request(&[("sec-fetch-site", "")]).fetch, Fetch::CrossSite);
        let twice = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "same-origin"),
        ];
        assert_eq!(request(&twice).fetch, Fetch::CrossSite);
    }

    #[test]
    fn n06_the_refresh_of_a_device_bound_credential_is_not_activity() {
        assert_eq!(
            request(&[("sec-secure-session-id", "s1")]).fetch,
            Fetch::Background
        );
        let preflight = classify_headers(&Method::OPTIONS, &HeaderMap::new());
        assert_eq!(preflight.fetch, Fetch::Background);
    }
}
