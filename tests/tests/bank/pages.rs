//! The HTML of the pages.

use dwell_axum::seconds;
use dwell_tests::{Answer, Browser};

use crate::support::{POLL, Served, confirm, left};

const PAGES: [&str; 6] = [
    "/",
    "/login",
    "/reauth",
    "/admin/sessions",
    "/expired",
    "/nowhere",
];

async fn pages(browser: &Browser) -> Vec<Answer> {
    let mut pages = Vec::new();
    for path in PAGES {
        pages.push(browser.visit(path).await);
    }
    pages
}

#[tokio::test]
async fn every_answer_has_security_headers() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let mut answers = pages(&browser).await;
    answers.push(browser.fetch("/api/balance").await);
    answers.push(browser.fetch("/session").await);
    answers.push(browser.fetch("/static/bank.js").await);
    answers.push(browser.fetch("/session-timeout.js").await);
    answers.push(bank.browser().fetch("/api/balance").await);
    answers.push(bank.browser().visit("/").await);
    for answer in answers {
        let csp = answer.header("content-security-policy").unwrap();
        let directives: Vec<&str> = csp.split("; ").collect();
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(directives.contains(&directive), "{}: {csp}", answer.path);
        }
        assert!(!csp.contains("unsafe"), "{csp}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let stored = match answer.path.as_str() {
            "/static/bank.js" => "no-cache",
            "/session-timeout.js" => "public, no-cache",
            _ => "no-store",
        };
        assert_eq!(
            answer.header("cache-control"),
            Some(stored),
            "{}",
            answer.path
        );
    }
}

#[tokio::test]
async fn pages_obey_csp_and_are_accessible() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    for page in pages(&browser).await {
        let (path, html) = (&page.path, page.text());
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert!(
            html.starts_with("<!doctype html>\n<html lang=\"en\">"),
            "{path}"
        );
        assert!(html.contains("<meta name=\"viewport\""), "{path}");
        for once in ["<h1>", "<main>", "<title>"] {
            assert_eq!(html.matches(once).count(), 1, "{path} {once}");
        }
        // Nothing inline: the policy would block it.
        assert!(
            !html.contains("<style") && !html.contains(" style="),
            "{path}"
        );
        for tag in html.split('<').filter(|tag| tag.starts_with("script")) {
            assert!(tag.contains(" src=\"/s"), "{path}: {tag}");
        }
        assert!(
            !html.contains(" onclick=") && !html.contains(" onload="),
            "{path}"
        );
        // Every visible field has a label.
        for field in html
            .split("<input ")
            .skip(1)
            .chain(html.split("<select ").skip(1))
        {
            let tag = field.split('>').next().unwrap();
            let before = &html[..html.find(field).unwrap()];
            let labelled = before.rfind("<label") > before.rfind("</label>");
            assert!(tag.contains("type=\"hidden\"") || labelled, "{path}: {tag}");
        }
        // Everything that a page loads exists, with the right media type.
        for part in html
            .split(['"'])
            .filter(|part| part.starts_with("/static/") || part.ends_with(".js"))
        {
            let asset = browser.visit(part).await;
            assert_eq!(asset.status, 200, "{part}");
            let media_type = asset.header("content-type").unwrap();
            let expected = match part.rsplit('.').next().unwrap() {
                "css" => "text/css",
                "js" => "text/javascript",
                "svg" => "image/svg+xml",
                other => panic!("{other}"),
            };
            assert!(media_type.starts_with(expected), "{part}: {media_type}");
        }
    }
}

#[tokio::test]
async fn every_page_has_component_and_one_element() {
    let bank = Served::start().await;
    let mut all = pages(&bank.browser()).await;
    all.extend(pages(&bank.signed_in("alice").await).await);
    for page in all.iter().filter(|page| !page.status.is_redirection()) {
        let (path, html) = (&page.path, page.text());
        let element = match path.starts_with("/admin") {
            true => "<session-timeout login=\"/expired\" policy=\"admin\"></session-timeout>",
            false => "<session-timeout login=\"/expired\"></session-timeout>",
        };
        for once in [
            "<script src=\"/session-timeout.js\" type=\"module\"></script>",
            element,
        ] {
            assert_eq!(html.matches(once).count(), 1, "{path}: {once}");
        }
    }
}

/// Returns after how many seconds a page without script leaves, and where to.
fn refresh(page: &Answer) -> Option<(u64, &str)> {
    let (head, _) = page.text().split_once("</head>").unwrap();
    let (_, rest) = head.split_once("<noscript><meta http-equiv=\"refresh\" content=\"")?;
    let (content, _) = rest.split_once("\"></noscript>").unwrap();
    let (seconds, url) = content.split_once("; url=").unwrap();
    Some((seconds.parse().unwrap(), url))
}

#[tokio::test]
async fn page_without_script_leaves_when_session_ends() {
    let bank = Served::start().await;
    for page in pages(&bank.browser()).await {
        let expected = page.status.is_redirection() || refresh(&page).is_none();
        assert!(expected, "{}: there is no session", page.path);
    }
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(seconds(20));
    for path in ["/", "/login", "/reauth", "/admin/sessions"] {
        let page = browser.visit(path).await;
        // Not before the time left in the same answer, and at most a little later.
        let over = left(&page).idle + 1;
        let expected = Some((over, "/expired?reason=idle_timeout"));
        assert_eq!(refresh(&page), expected, "{path}");
    }
    let wrong = browser.visit("/reauth").await.form("/reauth");
    let page = browser.submit(&wrong.with("password", "wrong")).await;
    assert!(refresh(&page).is_some(), "it shows whose password is asked");
    let asked = browser.visit("/reauth").await;
    assert_eq!(confirm(&browser, &asked).await.status, 303);
    // Pages without personal data need no refresh.
    for path in ["/expired", "/nowhere"] {
        assert_eq!(refresh(&browser.visit(path).await), None, "{path}");
    }
}

#[tokio::test]
async fn account_page_polls_and_keeps_draft() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let account = browser.visit("/").await;
    assert!(account.text().contains("<script src=\"/static/bank.js\""));
    let script = browser.fetch("/static/bank.js").await;
    let interval = format!("const POLL_MS = {};", POLL.as_millis());
    for needle in [
        interval.as_str(),
        "/api/notifications",
        "import { markPassive } from \"/session-timeout.js\"",
        "addEventListener(\"session-warning\"",
        "addEventListener(\"session-expired\"",
    ] {
        assert!(script.text().contains(needle), "{needle}");
    }
    // Messages are shown as text, never as HTML.
    assert!(!script.text().contains("innerHTML"));
    let ids = script.text().split("find(\"").skip(1);
    for id in ids.map(|rest| rest.split('"').next().unwrap()) {
        assert!(account.text().contains(&format!("id=\"{id}\"")), "{id}");
    }
}

#[tokio::test]
async fn login_page_explains_reason_in_fixed_words() {
    let bank = Served::start().await;
    let browser = bank.browser();
    for (reason, words) in [
        ("idle_timeout", "because nothing happened for a while"),
        ("absolute_timeout", "the session reached its time limit"),
        ("revoked", "was ended"),
        ("signed_out", "You have signed out"),
        ("session_required", "Please sign in first"),
    ] {
        let page = browser.visit(&format!("/login?reason={reason}")).await;
        assert!(page.text().contains(words), "{reason}");
    }
    let hostile = "/login?reason=%3Cscript%3Ealert(1)%3C/script%3E&return_to=%22%3E%3Cimg";
    let page = browser.visit(hostile).await;
    assert!(!page.text().contains("alert(1)") && !page.text().contains("<img"));
}

#[tokio::test]
async fn l13_login_page_knows_reason_without_query() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(crate::support::IDLE);
    let page = browser.visit("/login").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("because nothing happened for a while"));
}
