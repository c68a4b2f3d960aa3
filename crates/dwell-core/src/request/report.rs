//! Events of a request.

use super::{SessionHandle, SessionState};
use crate::engine::Outcome;
use crate::event::{EventKind, RequestContext};
use crate::session::EndedSession;
use crate::time::Timestamp;

impl SessionHandle {
    /// Returns where the request came from and where it went, for events.
    #[must_use]
    pub fn context(&self) -> RequestContext {
        let network = self.policies().network_id(self.network());
        let name = self.policies().network_name(network);
        RequestContext {
            client_ip: self.client_ip(),
            network: name.map(str::to_owned),
            route: self.0.route_label().map(str::to_owned),
        }
    }

    pub(super) fn report(&self, kind: EventKind) {
        if let Some(session) = self.0.found() {
            let manager = self.manager();
            let mut event =
                manager.event(kind, session.now, &session.record, Some(&self.context()));
            event.evidence = match kind {
                EventKind::SessionRenewed | EventKind::SessionNetworkChanged => {
                    Some(self.activity(Outcome::Answered(200)).1)
                }
                _ => None,
            };
            manager.tell(&event);
        }
    }

    /// Reports that the token of an ended session was used.
    pub(super) fn report_use_after_end(&self, ended: &EndedSession, now: Timestamp) {
        self.manager().report_late_use(ended, now, &self.context());
    }
}

impl SessionState {
    /// Reports an event about the request's session. Does nothing without a
    /// session.
    pub fn report(&self, kind: EventKind) {
        self.handle().report(kind);
    }
}
