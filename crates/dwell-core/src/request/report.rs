//! What a request's handle tells observers.

use crate::engine::Outcome;
use crate::event::EventKind;
use crate::event::RequestContext;
use crate::request::SessionHandle;
use crate::session::EndedSession;
use crate::time::Timestamp;

impl SessionHandle {
    /// Where the request came from, for events.
    #[must_use]
    pub fn site(&self) -> RequestContext {
        let network = self.policies().network_id(self.network());
        let name = self.policies().network_name(network);
        RequestContext {
            client_ip: self.client_ip(),
            network: name.map(str::to_owned),
            route: self.route_label().map(str::to_owned),
        }
    }

    /// Tells observers of something that happened to the request's session.
    pub fn report(&self, kind: EventKind) {
        if let Some(session) = self.session() {
            let manager = self.manager();
            let mut event = manager.event(kind, session.now, &session.record, Some(&self.site()));
            event.evidence = match kind {
                EventKind::SessionRenewed | EventKind::SessionNetworkChanged => {
                    Some(self.activity(Outcome::Answered(200)).1)
                }
                _ => None,
            };
            manager.tell(&event);
        }
    }

    /// Tells observers that an ended session's token was used.
    pub(crate) fn report_use_after_end(&self, ended: &EndedSession, now: Timestamp) {
        let kind = EventKind::SessionUseAfterExpire;
        let mut event = self
            .manager()
            .event(kind, now, &ended.record, Some(&self.site()));
        event.reason = Some(ended.reason);
        self.manager().tell(&event);
    }
}
