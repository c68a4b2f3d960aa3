//! Logins in flight, which an end of all of a subject's sessions must not miss.

use std::sync::Arc;

use crate::session::{EndReason, SubjectId};
use crate::sync::{Mutex, lock};

/// The logins of this process that have read their start and may not be in the
/// store yet. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Logins(Arc<Mutex<Vec<Arc<InFlight>>>>);

#[derive(Debug)]
struct InFlight {
    subject: SubjectId,
    overtaken: Mutex<Option<EndReason>>,
}

/// A login in flight, until it is dropped.
#[derive(Debug)]
pub(crate) struct Login {
    logins: Logins,
    own: Arc<InFlight>,
}

impl Logins {
    pub(super) fn begin(&self, subject: &SubjectId) -> Login {
        let own = Arc::new(InFlight {
            subject: subject.clone(),
            overtaken: Mutex::new(None),
        });
        lock(&self.0).push(Arc::clone(&own));
        Login {
            logins: self.clone(),
            own,
        }
    }

    /// Notes that what these logins start ends at once for `reason`.
    pub(super) fn overtake(&self, subject: &SubjectId, reason: EndReason) {
        for login in lock(&self.0).iter() {
            if login.subject == *subject {
                *lock(&login.overtaken) = Some(reason);
            }
        }
    }
}

impl Login {
    /// Returns why all sessions of the subject were ended since the login began.
    pub(crate) fn overtaken(&self) -> Option<EndReason> {
        *lock(&self.own.overtaken)
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        lock(&self.logins.0).retain(|login| !Arc::ptr_eq(login, &self.own));
    }
}
