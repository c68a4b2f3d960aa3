//! What Dwell keeps of a session: facts, credential, subject and end.

mod authentication;
mod earlier_rights;
mod id;
mod open_part;
mod owner;
mod reason;
mod record;
mod subject;
mod token;

pub use authentication::AuthenticationContext;
pub use id::{NetworkId, PolicyId, SessionRef};
pub use open_part::{InvalidOpenPart, OpenPart, OpenPartFull, OpenTag};
pub use reason::EndReason;
pub use record::{Credential, EndedSession, Facts, Previous, SessionRecord};
pub use subject::SubjectId;
pub use token::{Presented, RngError, SessionKey, Token, VerifierHash};
