//! Reads a request's evidence of activity from its headers.

use dwell_core::{Declaration, Fetch, RequestEvidence};
use http::{HeaderMap, Method};

use crate::head::bearer_in;

/// Reads the evidence of activity that a request carries. Closures of the same
/// arguments implement it; see the [module docs](super) for an example.
pub trait ClassifyActivity: Send + Sync + 'static {
    /// Returns the evidence. It can make an active request passive, and never a
    /// passive one active.
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

/// Classifies requests by [`classify_headers`]. The default of
/// [`ActivityLayer`](super::ActivityLayer).
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultClassifier;

impl ClassifyActivity for DefaultClassifier {
    fn classify(&self, method: &Method, headers: &HeaderMap) -> RequestEvidence {
        classify_headers(method, headers)
    }
}

/// Classifies a request by its method and headers; the [module docs](super)
/// list the rules.
#[must_use]
pub fn classify_headers(method: &Method, headers: &HeaderMap) -> RequestEvidence {
    let mut seen = Seen::default();
    // One pass is cheaper than a look-up for each name.
    for (name, value) in headers {
        let (name, value) = (name.as_str(), value.as_bytes());
        match name {
            "session-activity" => seen.activity.add(value),
            "sec-fetch-site" => seen.site.add(value),
            "sec-fetch-mode" => seen.mode.add(value),
            "sec-fetch-dest" => seen.dest.add(value),
            "sec-fetch-user" => seen.user = value == b"?1",
            "sec-purpose" | "purpose" | "x-moz" | "x-purpose" | "x-sec-purpose" => {
                seen.prefetch = true;
            }
            "sec-secure-session-id" | "secure-session-response" | "ping-from" | "last-event-id" => {
                seen.background = true;
            }
            "authorization" => seen.bearer |= bearer_in(value).is_some(),
            "accept" => seen.event_stream |= value == b"text/event-stream",
            _ => {}
        }
    }
    RequestEvidence {
        declaration: declaration(seen.activity),
        fetch: fetch(method, &seen),
    }
}

/// The header fields about activity.
#[derive(Default)]
struct Seen<'a> {
    activity: Single<'a>,
    site: Single<'a>,
    mode: Single<'a>,
    dest: Single<'a>,
    user: bool,
    prefetch: bool,
    background: bool,
    event_stream: bool,
    /// No browser adds a bearer token by itself, so its page is of no account.
    bearer: bool,
}

/// A header field that counts only if it occurs once.
#[derive(Clone, Copy, Default)]
enum Single<'a> {
    #[default]
    Absent,
    One(&'a [u8]),
    Doubled,
}

impl<'a> Single<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::One(value),
            Self::One(_) | Self::Doubled => Self::Doubled,
        };
    }
}

fn declaration(activity: Single<'_>) -> Declaration {
    match activity {
        Single::Absent => Declaration::None,
        Single::One(b"active") => Declaration::Active,
        Single::One(_) | Single::Doubled => Declaration::Passive,
    }
}

fn fetch(method: &Method, seen: &Seen<'_>) -> Fetch {
    if seen.prefetch {
        return Fetch::Prefetch;
    }
    // An `EventSource` opens by itself and opens again after every break.
    let event_source = *method == Method::GET && seen.event_stream;
    if *method == Method::OPTIONS || seen.background || event_source || is_by_browser(seen.dest) {
        return Fetch::Background;
    }
    let top_level = matches!(
        (seen.mode, seen.dest),
        (Single::One(b"navigate"), Single::One(b"document"))
    );
    // Browsers that send no fetch metadata tell nothing of this.
    let plain = match seen.mode {
        Single::One(b"navigate") if !seen.user => Fetch::Unprompted,
        _ => Fetch::Plain,
    };
    match seen.site {
        Single::Absent | Single::One(b"same-origin" | b"none") => plain,
        Single::One(b"same-site" | b"cross-site") if top_level || seen.bearer => plain,
        Single::One(_) | Single::Doubled => Fetch::CrossSite,
    }
}

/// Whether browsers send requests for this destination by themselves (Fetch
/// Standard §2.2.5, Reporting API, Federated Credential Management API).
fn is_by_browser(dest: Single<'_>) -> bool {
    let Single::One(dest) = dest else {
        return false;
    };
    matches!(
        dest,
        b"audio"
            | b"manifest"
            | b"report"
            | b"serviceworker"
            | b"track"
            | b"video"
            | b"webidentity"
    )
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
        let declared = |list: &[(&'static str, &'static str)]| request(list).declaration;
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
        for name in ["x-moz", "x-purpose", "x-sec-purpose"] {
            assert_eq!(
                request(&[(name, "prefetch")]).fetch,
                Fetch::Prefetch,
                "{name}"
            );
        }
    }

    #[test]
    fn n66_requests_of_browser_itself_are_not_activity() {
        for dest in [
            "audio",
            "manifest",
            "report",
            "serviceworker",
            "track",
            "video",
            "webidentity",
        ] {
            let fields = [("sec-fetch-site", "same-origin"), ("sec-fetch-dest", dest)];
            assert_eq!(request(&fields).fetch, Fetch::Background, "{dest}");
        }
        for dest in ["document", "empty", "iframe", "image", "script"] {
            let fields = [("sec-fetch-site", "same-origin"), ("sec-fetch-dest", dest)];
            assert_eq!(request(&fields).fetch, Fetch::Plain, "{dest}");
        }
        let ping = [("ping-from", "https://bank.example/")];
        assert_eq!(request(&ping).fetch, Fetch::Background);
    }

    #[test]
    fn n66_event_source_is_not_activity() {
        let stream = [("accept", "text/event-stream")];
        assert_eq!(request(&stream).fetch, Fetch::Background);
        assert_eq!(request(&[("last-event-id", "7")]).fetch, Fetch::Background);
        // A page that reads the answer to what was typed is asked by a person.
        let mut headers = HeaderMap::new();
        headers.insert("accept", "text/event-stream".parse().unwrap());
        assert_eq!(
            classify_headers(&Method::POST, &headers).fetch,
            Fetch::Plain
        );
        assert_eq!(
            request(&[("accept", "text/html, text/event-stream")]).fetch,
            Fetch::Plain
        );
    }

    #[test]
    fn l02_cross_site_fetch_is_activity_only_as_top_level_page() {
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
        let (document, user) = (("sec-fetch-dest", "document"), ("sec-fetch-user", "?1"));
        let top = request(&[cross, navigate, document, user]);
        assert_eq!(top.fetch, Fetch::Plain);
        assert_eq!(
            request(&[("sec-fetch-site", "same-origin")]).fetch,
            Fetch::Plain
        );
    }

    #[test]
    fn n66_navigation_without_user_is_unprompted() {
        let navigate = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        let with = |user: &[(&'static str, &'static str)]| {
            let all: Vec<_> = navigate.iter().chain(user).copied().collect();
            request(&all).fetch
        };
        assert_eq!(with(&[]), Fetch::Unprompted);
        for odd in ["?0", "1", "true", ""] {
            assert_eq!(
                with(&[("sec-fetch-user", odd)]),
                Fetch::Unprompted,
                "{odd:?}"
            );
        }
        assert_eq!(with(&[("sec-fetch-user", "?1")]), Fetch::Plain);
        // A script's fetch is no navigation, and old browsers tell nothing.
        assert_eq!(request(&[("sec-fetch-mode", "cors")]).fetch, Fetch::Plain);
        assert_eq!(request(&[]).fetch, Fetch::Plain);
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
    fn n06_device_bound_credential_refresh_is_not_activity() {
        assert_eq!(
            request(&[("sec-secure-session-id", "s1")]).fetch,
            Fetch::Background
        );
        let preflight = classify_headers(&Method::OPTIONS, &HeaderMap::new());
        assert_eq!(preflight.fetch, Fetch::Background);
    }
}
