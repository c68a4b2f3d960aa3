//! Unacceptable bodies, unknown paths, wrong methods.

use http::Method;

use crate::support::{Served, cents};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn wrong_media_type_is_415_and_does_nothing() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let order = r#"{"to":"bob","amount":"1"}"#;
    for media_type in ["text/plain", FORM, "", "application/jsonx", "text/json"] {
        let request = browser.script(Method::POST, "/api/transfer");
        let answer = request.body(media_type, order).send().await;
        assert_eq!(answer.status, 415, "{media_type:?}");
        assert_eq!(answer.reason(), "bad_media_type");
    }
    for path in ["/login", "/reauth", "/admin/sessions/end"] {
        let request = browser.script(Method::POST, path);
        let answer = request.body("text/plain", "a=b").send().await;
        assert_eq!(answer.status, 415, "{path}");
        let request = browser.script(Method::POST, path);
        assert_eq!(request.send().await.status, 415, "{path}");
    }
    assert_eq!(cents(&browser).await, 123_450);
    // Parameters and case make no difference.
    let request = browser.script(Method::POST, "/api/transfer");
    let request = request.body("Application/JSON; charset=utf-8", order);
    assert_eq!(request.send().await.status, 200);
}

#[tokio::test]
async fn malformed_body_is_422_and_does_nothing() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    for order in [
        "",
        "{",
        "[]",
        "null",
        r#"{"to":"bob"}"#,
        r#"{"to":"bob","amount":"1","from":"alice"}"#,
        r#"{"to":"bob","to":"bob","amount":"1"}"#,
        r#"{"to":["bob"],"amount":"1"}"#,
        r#"{"to":"bob","amount":"1","note":null}"#,
        r#"{"to":"bob","amount":"1"} trailing"#,
    ] {
        let answer = browser.post("/api/transfer", order).await;
        assert_eq!(answer.status, 422, "{order}");
        assert_eq!(answer.reason(), "bad_body", "{order}");
    }
    for (order, reason) in [
        (r#"{"to":"bob","amount":"0"}"#, "bad_amount"),
        (r#"{"to":"bob","amount":-1}"#, "bad_amount"),
        (r#"{"to":"bob","amount":1e2}"#, "bad_amount"),
        (r#"{"to":"bob","amount":0.001}"#, "bad_amount"),
        (r#"{"to":"bob","amount":true}"#, "bad_amount"),
        (r#"{"to":"bob","amount":"1","note":"a\nb"}"#, "bad_note"),
        (r#"{"to":"bob","amount":"1","note":"\u0000"}"#, "bad_note"),
        (r#"{"to":"bob","amount":"1234.51"}"#, "insufficient_funds"),
        (r#"{"to":"alice","amount":"1"}"#, "own_account"),
        (r#"{"to":"Bob","amount":"1"}"#, "unknown_recipient"),
    ] {
        let answer = browser.post("/api/transfer", order).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason()),
            (422, reason.to_owned())
        );
    }
    for path in ["/login", "/reauth", "/admin/sessions/end"] {
        for (media_type, body) in [
            (JSON, "{"),
            (JSON, r#"{"x":1}"#),
            (FORM, ""),
            (FORM, "x=1"),
            (FORM, "password=a&password=b&username=a&session=a&session=b"),
        ] {
            let request = browser.script(Method::POST, path);
            let answer = request.body(media_type, body).send().await;
            assert_eq!(answer.status, 422, "{path} {body}");
            // The answer does not repeat the body, which may hold a password.
            assert!(!answer.text().contains('x'), "{}", answer.text());
        }
    }
    assert_eq!(cents(&browser).await, 123_450);
}

#[tokio::test]
async fn too_long_body_is_413() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let long = format!(
        r#"{{"to":"bob","amount":"1","x":"{}"}}"#,
        "x".repeat(16 * 1_024)
    );
    let answer = browser.post("/api/transfer", &long).await;
    assert_eq!(answer.status, 413);
    for path in ["/login", "/reauth"] {
        let request = browser.script(Method::POST, path);
        let form = format!("username=alice&password={}", "x".repeat(16 * 1_024));
        assert_eq!(request.body(FORM, &form).send().await.status, 413, "{path}");
    }
    let idle = format!(r#"{{"idle_ms":1{}}}"#, " ".repeat(2_048));
    let answer = browser.post("/session/activity", &idle).await;
    assert!([413, 422].contains(&answer.status.as_u16()), "{answer:?}");
    assert_eq!(browser.fetch("/api/balance").await.status, 200);
}

#[tokio::test]
async fn session_endpoints_refuse_bad_input_and_change_nothing() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(dwell_axum::seconds(30));
    for (media_type, body, status) in [
        ("text/plain", r#"{"idle_ms":0}"#, 415),
        (JSON, r#"{"idle_ms":-1}"#, 422),
        (JSON, r#"{"idle_ms":86400001}"#, 422),
        (JSON, r#"{"idle_ms":0,"x":1}"#, 422),
        (JSON, "{}", 422),
    ] {
        let request = browser.script(Method::POST, "/session/activity");
        let answer = request.body(media_type, body).send().await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(crate::support::left(&answer).idle, 30);
    }
}

#[tokio::test]
async fn unknown_path_is_404_for_everybody() {
    let bank = Served::start().await;
    for browser in [bank.browser(), bank.signed_in("alice").await] {
        for path in [
            "/nowhere",
            "/api",
            "/static/../bank.toml",
            "/session/x",
            "/LOGIN",
        ] {
            let page = browser.visit(path).await;
            assert_eq!(page.status, 404, "{path}");
            assert!(page.text().contains("<h1>Page not found</h1>"));
            let answer = browser.fetch(path).await;
            assert_eq!(
                (answer.status.as_u16(), answer.reason()),
                (404, "not_found".to_owned())
            );
        }
    }
}

#[tokio::test]
async fn wrong_method_is_405_with_allow_header() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    for (path, method, allow) in [
        ("/api/transfer", Method::GET, "POST"),
        ("/logout", Method::GET, "POST"),
        ("/admin/sessions/end", Method::GET, "POST"),
        ("/session/extend", Method::GET, "POST"),
        ("/session", Method::POST, "GET,HEAD"),
        ("/api/balance", Method::DELETE, "GET,HEAD"),
        ("/api/notifications", Method::POST, "GET,HEAD"),
        ("/login", Method::PUT, "GET,HEAD,POST"),
        ("/expired", Method::POST, "GET,HEAD"),
        ("/static/bank.css", Method::POST, "GET,HEAD"),
    ] {
        let answer = browser.script(method, path).send().await;
        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
    let page = browser.visit("/logout").await;
    assert!(
        page.text()
            .contains("<h1>This page does not accept this request</h1>"),
        "{}",
        page.text()
    );
    assert_eq!(
        browser.fetch("/api/balance").await.status,
        200,
        "still signed in"
    );
}
