//! What the owner of an adopted session states about its proofs: entries of the
//! record's open part.

use super::{OpenPart, OpenPartFull, OpenTag};
use crate::time::Timestamp;

impl OpenPart {
    /// Returns when the newest proof was issued that was heard, if any proof states
    /// when it was issued.
    pub(crate) fn heard_at(&self) -> Option<Timestamp> {
        let millis = self.get(OpenTag::HEARD)?.try_into().ok()?;
        Some(Timestamp::from_millis(u64::from_be_bytes(millis)))
    }

    /// Returns a copy that has heard a proof that was issued at `at`.
    pub(crate) fn with_heard_at(&self, at: Timestamp) -> Result<Self, OpenPartFull> {
        self.with(OpenTag::HEARD, &at.as_millis().to_be_bytes())
    }

    /// Returns what the owner knows the session by, if that is on record.
    #[must_use]
    pub fn owner_reference(&self) -> Option<&str> {
        std::str::from_utf8(self.get(OpenTag::OWNER)?).ok()
    }

    /// Returns a copy that states what the owner knows the session by.
    ///
    /// # Errors
    /// [`OpenPartFull`] if the reference does not fit.
    pub fn with_owner_reference(&self, reference: &str) -> Result<Self, OpenPartFull> {
        self.with(OpenTag::OWNER, reference.as_bytes())
    }
}
