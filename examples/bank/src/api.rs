//! The endpoints for the page's script.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dwell_axum::Session;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::accounts::{Accounts, TransferError};
use crate::body::Json;
use crate::money::Cents;
use crate::problem::problem;

pub(crate) async fn balance(session: Session, State(accounts): State<Accounts>) -> Response {
    match accounts.balance(session.subject().as_str()) {
        Some(balance) => Answer(money("balance", balance)).into_response(),
        None => problem(
            StatusCode::NOT_FOUND,
            "no_account",
            "You have no account here.",
        ),
    }
}

/// Answers the page's poll every two seconds, on a passive route. Names the
/// subject, so that a page notices when another user has signed in.
pub(crate) async fn notifications(session: Session, State(accounts): State<Accounts>) -> Response {
    let user = session.subject().as_str();
    let messages = accounts.messages(user);
    Answer(json!({ "subject": user, "notifications": messages })).into_response()
}

/// The longest note, in characters; also the `maxlength` of the form's field.
const MAX_NOTE: usize = 140;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transfer {
    to: String,
    amount: Amount,
    #[serde(default)]
    note: String,
}

/// Euros as a JSON number or string: `12`, `12.5`, `"12.50"`. Kept as written,
/// because a floating-point number would not be exact.
#[derive(Deserialize)]
#[serde(transparent)]
struct Amount(Box<RawValue>);

impl Amount {
    fn positive(&self) -> Option<Cents> {
        let json = self.0.get();
        let text = json.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        let cents = Cents::parse(text.unwrap_or(json));
        cents.filter(|cents| cents.get() > 0)
    }
}

pub(crate) async fn transfer(
    session: Session,
    State(accounts): State<Accounts>,
    Json(order): Json<Transfer>,
) -> Response {
    let Some(amount) = order.amount.positive() else {
        let detail = "The amount must be positive, in euros and cents, such as \"12.50\".";
        return refused("bad_amount", detail);
    };
    let note = order.note.trim();
    if note.chars().count() > MAX_NOTE || note.chars().any(char::is_control) {
        let detail = "The note must be one line of at most 140 characters.";
        return refused("bad_note", detail);
    }
    // The order may have arrived long after its request (N62).
    if let Err(error) = session.still_live().await {
        return error.into_response();
    }
    match accounts.transfer(session.subject().as_str(), &order.to, amount, note) {
        Ok(balance) => {
            let mut answer = money("balance", balance);
            answer["to"] = order.to.into();
            answer["amount"] = amount.to_string().into();
            Answer(answer).into_response()
        }
        Err(TransferError::InsufficientFunds) => refused(
            "insufficient_funds",
            "Your balance is too low for this amount.",
        ),
        Err(TransferError::OwnAccount) => {
            refused("own_account", "You can't send money to yourself.")
        }
        Err(TransferError::UnknownRecipient) => {
            refused("unknown_recipient", "There is no account with this name.")
        }
    }
}

fn refused(reason: &str, detail: &str) -> Response {
    problem(StatusCode::UNPROCESSABLE_ENTITY, reason, detail)
}

fn money(name: &str, amount: Cents) -> serde_json::Value {
    json!({ name: amount.to_string(), "cents": amount.get(), "currency": "EUR" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amount_is_read_exactly() {
        let read = |json: &str| {
            let order: Transfer = serde_json::from_str(json).unwrap();
            order.amount.positive().map(Cents::get)
        };
        let amount = |amount| read(&format!(r#"{{"to":"bob","amount":{amount}}}"#));
        for (text, cents) in [
            ("12", 1_200),
            ("12.5", 1_250),
            ("\"12.50\"", 1_250),
            ("0.29", 29),
        ] {
            assert_eq!(amount(text), Some(cents), "{text}");
        }
        for bad in [
            "0",
            "-1",
            "0.001",
            "12.5000000000000001",
            "1e2",
            "1e300",
            "\"\"",
            "\"twelve\"",
            "\"\\u0031\"",
            "null",
            "true",
            "[1]",
        ] {
            assert_eq!(amount(bad), None, "{bad}");
        }
    }
}
