//! Sessions that are linked to those of another middleware.

use super::SessionManager;
use crate::session::{EndReason, Token};
use crate::store::StoreError;

impl SessionManager {
    /// Ends the session of a link, and reports the end: what its owner calls when it
    /// ends its own session where Dwell's layer can't see it, such as in a job. Open
    /// streams close, with this reason. `link` is the value that Dwell keeps in the
    /// owner's data. Returns `false` if the session had ended before, or is unknown.
    ///
    /// ```
    /// # use dwell_core::store::StoreError;
    /// use dwell_core::{EndReason, SessionManager};
    ///
    /// async fn signed_out(sessions: &SessionManager, link: &str) -> Result<(), StoreError> {
    ///     sessions.end_linked(link, EndReason::SignedOut).await?;
    ///     Ok(())
    /// }
    /// # let _ = signed_out;
    /// ```
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn end_linked(&self, link: &str, reason: EndReason) -> Result<bool, StoreError> {
        let token = link.as_bytes().get(..Token::LENGTH).and_then(Token::parse);
        match token {
            Some(token) => self.end_session(token.key(), reason).await,
            None => Ok(false),
        }
    }
}
