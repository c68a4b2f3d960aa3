//! `return_to` accepts paths of this origin only.

use http::Method;

use crate::support::{IDLE, Served, assert_sent, confirm, filled};

/// Targets as they appear in a query.
const HOSTILE: [&str; 12] = [
    "https%3A%2F%2Fevil.example%2F",
    "%2F%2Fevil.example",
    "%2F%2F%2Fevil.example",
    "%2F%5Cevil.example",
    "%5C%5Cevil.example",
    "%2F%09%2Fevil.example",
    "%2F%0D%0ASet-Cookie%3A%20a%3Db",
    "javascript%3Aalert(1)",
    "evil.example",
    "%2F%2Fevil.example%2F%252e%252e",
    "%20%2F%2Fevil.example",
    "",
];

#[tokio::test]
async fn n37_no_login_link_leads_to_other_site() {
    let bank = Served::start().await;
    for hostile in HOSTILE {
        let browser = bank.browser();
        let login = browser.visit(&format!("/login?return_to={hostile}")).await;
        assert_eq!(login.form("/login").value("return_to"), "/", "{hostile}");
        let answer = browser.submit(&filled(&login, "alice")).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/"));
        let page = browser.visit(&format!("/reauth?return_to={hostile}")).await;
        assert_eq!(page.form("/reauth").value("return_to"), "/", "{hostile}");
    }
}

#[tokio::test]
async fn n37_no_expired_page_link_leads_to_other_site() {
    let bank = Served::start().await;
    for hostile in HOSTILE {
        let path = format!("/expired?reason=idle_timeout&return_to={hostile}");
        let page = bank.browser().visit(&path).await;
        let html = page.text();
        let links = html.split("href=\"").skip(1);
        for link in links.map(|rest| rest.split('"').next().unwrap()) {
            assert!(link.starts_with('/') && !link.starts_with("//"), "{link}");
        }
        let login = "href=\"/login?reason=idle_timeout&#38;return_to=%2F\"";
        assert!(html.contains(login), "{hostile}: {html}");
        // Nor while the session is live.
        let page = bank.signed_in("alice").await.visit(&path).await;
        assert!(!page.text().contains("evil"), "{hostile}");
    }
}

#[tokio::test]
async fn n37_no_form_leads_to_other_site() {
    let bank = Served::start().await;
    let hostile = [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\r\nLocation: https://evil.example",
        "/a b",
        "\u{2044}evil.example",
    ];
    for hostile in hostile {
        let browser = bank.browser();
        let login = browser.visit("/login").await;
        let form = filled(&login, "alice").with("return_to", hostile);
        let answer = browser.submit(&form).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/"));
        let page = browser.visit("/reauth").await;
        let form = page.form("/reauth").with("return_to", hostile);
        let form = form.with("password", bank::PASSWORD);
        assert_eq!(browser.submit(&form).await.location(), "/", "{hostile:?}");
        let json = serde_json::json!({
            "username": "bob", "password": bank::PASSWORD, "return_to": hostile,
        });
        let answer = browser.post("/login", &json.to_string()).await;
        assert_eq!(answer.json()["return_to"], "/", "{hostile:?}");
    }
}

#[tokio::test]
async fn query_is_kept_with_path() {
    let bank = Served::start().await;
    let browser = bank.browser();
    let answer = browser.visit("/admin/sessions?sort=a%20b&next=/x").await;
    let login = browser.follow(answer).await;
    let form = filled(&login, "alice");
    assert_eq!(
        form.value("return_to"),
        "/admin/sessions?sort=a%20b&next=/x"
    );
    let answer = browser.submit(&form).await;
    assert_eq!(answer.location(), "/admin/sessions?sort=a%20b&next=/x");
    assert_eq!(browser.follow(answer).await.status, 200);
}

#[tokio::test]
async fn path_that_looks_like_host_leads_nowhere() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(IDLE);
    let answer = browser.visit("//evil.example/").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("location"), None);
}

#[tokio::test]
async fn post_after_end_is_not_repeated() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let page = browser.visit("/admin/sessions").await;
    bank.clock.advance(IDLE);
    let answer = browser
        .submit(&page.form("/admin/sessions/end-others"))
        .await;
    assert_eq!(answer.status, 303);
    let login = browser.follow(answer).await;
    assert!(login.text().contains("nothing happened for a while"));
    assert!(
        login
            .text()
            .contains("Your last action was not carried out.")
    );
    let answer = browser.submit(&filled(&login, "alice")).await;
    assert_eq!(answer.location(), "/admin/sessions", "where the form is");
    assert_eq!(browser.follow(answer).await.status, 200);
}

#[tokio::test]
async fn malformed_query_is_ignored() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    for path in [
        "/login?reason=a&reason=b",
        "/login?return_to=%ff%fe",
        "/login?%",
        "/reauth?return_to=%2Fa&return_to=%2Fb",
        "/reauth?method=%00",
    ] {
        let answer = browser.visit(path).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    let page = browser.visit("/reauth?return_to=%2Fa&return_to=%2Fb").await;
    assert_eq!(confirm(&browser, &page).await.location(), "/");
    let answer = browser.navigate(Method::HEAD, "/login").send().await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    let stranger = bank.browser().visit("/").await;
    assert_sent(&stranger, "/login", "session_required", "/");
}
