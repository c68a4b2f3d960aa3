//! Requests as an attacker writes them: byte by byte.

use dwell_tests::Wire;

use crate::support::{COOKIE, Served};

/// Returns the head of a request with this cookie.
pub(crate) fn head(method: &str, path: &str, token: &str, more: &str) -> String {
    with_cookies(method, path, &format!("{COOKIE}={token}"), more)
}

pub(crate) fn with_cookies(method: &str, path: &str, cookies: &str, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bank\r\nConnection: close\r\nCookie: {cookies}\r\n{more}\r\n"
    )
}

/// Sends this and returns the whole answer.
pub(crate) async fn exchange(bank: &Served, request: &str) -> String {
    let mut wire = Wire::open(bank.address).await;
    wire.say(request).await;
    wire.rest().await
}

/// Fields of a JSON body of this length.
pub(crate) fn json(length: usize) -> String {
    format!("Content-Type: application/json\r\nContent-Length: {length}\r\n")
}

/// Fields of a form of this length.
pub(crate) fn form(length: usize) -> String {
    format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n")
}

/// Returns the login form of alice, with this cookie and these fields.
pub(crate) fn login_of_alice(cookies: &str, more: &str) -> String {
    let login = format!("username=alice&password={}", bank::PASSWORD);
    let fields = form(login.len()) + more;
    // The login page, which was here before, has set its cookie.
    let cookies = format!("{COOKIE}-probe=1; {cookies}");
    with_cookies("POST", "/login", &cookies, &fields) + &login
}
