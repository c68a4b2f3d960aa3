//! What Dwell keeps of a session: facts, token, subject and end.

mod id;
mod reason;
mod record;
mod subject;
mod token;

pub use id::{NetworkId, PolicyId, SessionRef};
pub use reason::EndReason;
pub use record::{AuthenticationContext, Credential, EndedSession, Facts, Previous, SessionRecord};
pub use subject::SubjectId;
pub use token::{RngError, SessionKey, Token, VerifierHash};
