//! How refused requests are answered: a trait, its default, and closures.
//!
//! ```
//! use bytes::Bytes;
//! use dwell_tower::rejection::{MakeRejection, Refusal, problem};
//! use http::Response;
//! use http::request::Parts;
//!
//! // The default answer with one more header field.
//! let reject = |refusal: &Refusal, _request: &Parts| -> Response<Bytes> {
//!     let mut response = problem(refusal);
//!     if let Ok(help) = "</help/sessions>; rel=help".parse() {
//!         response.headers_mut().insert("link", help);
//!     }
//!     response
//! };
//! let (request, ()) = http::Request::new(()).into_parts();
//! let response = reject.reject(&Refusal::SessionRequired, &request);
//! assert_eq!(response.status(), 401);
//! assert_eq!(response.headers()["link"], "</help/sessions>; rel=help");
//! ```

mod caller;
mod command;
mod demand;
mod pages;
mod refusal;
mod stack;
mod step_up;

pub use caller::Caller;
pub use command::command_failed;
pub use demand::{demand_session, session_state};
pub use pages::DefaultRejection;
pub use refusal::{Challenge, Refusal, problem, problem_details};
pub(crate) use refusal::{NO_STORE, miswired, set};
pub use stack::{MakeRejection, refuse};
pub(crate) use stack::{StackRejection, label_route, reject, uri_of};
pub(crate) use step_up::{IMPOSSIBLE, admit_unless, unmet, without_session};
