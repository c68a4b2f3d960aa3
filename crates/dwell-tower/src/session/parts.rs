//! What a session layer and its services share.

use std::sync::{Arc, Once};
use std::time::Duration;

use dwell_core::SessionManager;

use super::context::Context;
use crate::gateway::Gateway;
use crate::reaper::Reaper;
use crate::rejection::StackRejection;
use crate::remote::BoundedStore;
use crate::task::Task;

/// How long an answer of the store is waited for by default.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// What a session layer and its services share. Behind one pointer, since routers
/// clone layers for every route.
#[derive(Clone)]
pub(super) struct Parts<G> {
    /// The manager as the layer uses it: with its store bounded, and with the
    /// context and the rejection for requests to find.
    pub(super) manager: SessionManager,
    pub(super) context: Context,
    pub(super) rejection: StackRejection,
    pub(super) gateway: Gateway,
    pub(super) gates: G,
    reaper: Option<Arc<OwnReaper>>,
    /// The manager as passed to the layer.
    given: SessionManager,
    pub(super) store_timeout: Duration,
}

/// The reaper that the layer starts, once.
struct OwnReaper {
    started: Once,
    interval: Duration,
}

impl Parts<()> {
    pub(super) fn new(manager: &SessionManager) -> Self {
        manager.spawn_with(crate::task::spawn);
        let mut parts = Self {
            manager: manager.clone(),
            given: manager.clone(),
            context: Context::new(manager.store().is_local()),
            rejection: StackRejection::default(),
            gateway: Gateway::default(),
            gates: (),
            reaper: Some(Arc::new(OwnReaper {
                started: Once::new(),
                interval: Duration::from_secs(1),
            })),
            store_timeout: STORE_TIMEOUT,
        };
        parts.connect();
        parts
    }
}

impl<G> Parts<G> {
    pub(super) fn with_gates<H>(self, gates: H) -> Parts<H> {
        Parts {
            gates,
            manager: self.manager,
            context: self.context,
            rejection: self.rejection,
            gateway: self.gateway,
            reaper: self.reaper,
            given: self.given,
            store_timeout: self.store_timeout,
        }
    }

    pub(super) fn without_reaper(&mut self) {
        self.reaper = None;
    }

    /// Rebuilds the manager after a setting has changed.
    pub(super) fn connect(&mut self) {
        let bounded = match self.context.is_local() {
            true => self.given.clone(),
            false => {
                let limit = self.store_timeout;
                self.given
                    .map_store(|store| BoundedStore::new(store, limit))
            }
        };
        let manager = self.context.share(&bounded);
        let manager = manager.with_shared(self.rejection.clone());
        self.manager = manager.with_shared(self.gateway.clone());
    }

    pub(super) fn start_reaper(&self) {
        let Some(own) = &self.reaper else { return };
        own.started.call_once(|| {
            let Ok(runtime) = tokio::runtime::Handle::try_current() else {
                let message = "no tokio runtime, so no reaper: ends are found by requests only; wrap \
                               the service inside a runtime, or run a `Reaper`";
                crate::log::error(message, None);
                return;
            };
            let reaper = Reaper::new(self.manager.clone())
                .with_interval(own.interval)
                .with_touches(self.context.touches.clone());
            let run: Task = Box::pin(reaper.run_until_dropped(Arc::downgrade(own)));
            runtime.spawn(run);
        });
    }
}
