//! The account page.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use dwell_axum::Session;

use crate::accounts::Accounts;
use crate::users::USERS;

#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    refresh: String,
    user: &'a str,
    balance: String,
    messages: Vec<String>,
    recipients: Vec<&'a str>,
}

pub(crate) async fn page(session: Session, State(accounts): State<Accounts>) -> Response {
    let user = session.subject().as_str();
    let Some(balance) = accounts.balance(user) else {
        return super::see("/login");
    };
    let template = Account {
        refresh: super::refresh(Some(&session)),
        user,
        balance: balance.to_string(),
        messages: accounts.messages(user),
        recipients: USERS.into_iter().filter(|other| *other != user).collect(),
    };
    super::page(StatusCode::OK, &template)
}
