//! `sibling-origin`: what a browser needs before a page of another origin may ask.

use dwell_tests::{Answer, Browser};
use http::Method;

use crate::program::{Program, start};

/// The application's origin, and a browser for the other one.
async fn origins(program: &Program) -> (String, Browser) {
    let page = program.browser().visit("/").await;
    let (_, rest) = page.text().split_once("api = \"http://localhost:").unwrap();
    let (port, _) = rest.split_once('"').unwrap();
    let api = ([127, 0, 0, 1], port.parse().unwrap()).into();
    let origin = format!("http://localhost:{}", program.address().port());
    (origin, Browser::new(api))
}

/// Sends a request as a page of this origin does.
async fn ask(api: &Browser, origin: &str, method: Method, path: &str) -> Answer {
    let request = api.script(method, path).header("origin", origin);
    request.header("sec-fetch-site", "same-site").send().await
}

fn is_readable(answer: &Answer, origin: &str) -> bool {
    answer.header("access-control-allow-origin") == Some(origin)
        && answer.header("access-control-allow-credentials") == Some("true")
}

#[tokio::test]
async fn sibling_origin_may_ask_extend_and_read_refusals() {
    let program = start!("sibling-origin").await;
    let (origin, api) = origins(&program).await;
    let refused = ask(&api, &origin, Method::GET, "/").await;
    assert_eq!(refused.reason(), "session_required");
    assert!(is_readable(&refused, &origin), "{refused:?}");
    assert_eq!(ask(&api, &origin, Method::POST, "/login").await.status, 200);
    let home = ask(&api, &origin, Method::GET, "/").await;
    assert_eq!(home.text(), "Hello alice");
    assert!(is_readable(&home, &origin) && home.time_left().is_some());
    let exposed = home.header("access-control-expose-headers");
    assert_eq!(exposed, Some("session-timeout"));
    let extended = ask(&api, &origin, Method::POST, "/session/extend").await;
    assert_eq!(extended.status, 200);
}

#[tokio::test]
async fn sibling_origin_passes_preflights_of_its_own_origin_only() {
    let program = start!("sibling-origin").await;
    let (origin, api) = origins(&program).await;
    let evil = "http://evil.example";
    for (from, passes) in [(origin.as_str(), true), (evil, false)] {
        let preflight = api.script(Method::OPTIONS, "/session/activity");
        let preflight = preflight.header("origin", from);
        let preflight = preflight.header("access-control-request-method", "POST");
        let fields = "content-type,session-activity";
        let preflight = preflight.header("access-control-request-headers", fields);
        let answer = preflight.send().await;
        assert_eq!(answer.status, 200, "the stack does not see it");
        assert_eq!(is_readable(&answer, from), passes, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-headers"), Some(fields));
    }
    ask(&api, &origin, Method::POST, "/login").await;
    let extend = ask(&api, evil, Method::POST, "/session/extend").await;
    assert_eq!(extend.reason(), "not_same_origin");
}
