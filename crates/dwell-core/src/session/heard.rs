//! The newest proof of an adopted session that was heard: an entry of the record's
//! open part.

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
}
