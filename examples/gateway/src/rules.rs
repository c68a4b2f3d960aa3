//! What the routes of the file demand: a gate that asks Dwell's own layers.

use std::sync::Arc;

use arc_swap::ArcSwap;
use dwell_axum::dwell_tower::activity::MarkLayer;
use dwell_axum::dwell_tower::gate::{Gate, RequestHead};
use dwell_axum::dwell_tower::idle::PolicyLayer;
use dwell_axum::dwell_tower::rejection::Refusal;
use dwell_axum::dwell_tower::step_up::StepUpLayer;
use dwell_axum::{AuthenticationRequirement, SessionState, Verdict};
use serde::Deserialize;

use crate::path::{ClearPath, Pattern};

/// Who is let in.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    Public,
    #[default]
    Session,
    Privileged,
}

/// A `[[route]]` of the file.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) pattern: Pattern,
    pub(crate) mark: Option<MarkLayer>,
    pub(crate) policy: Option<PolicyLayer>,
    pub(crate) access: Access,
}

/// All routes; clones share them. Every one that matches a request applies, so their order makes no
/// difference: passive beats active, the strictest access counts, and the policies add up.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    routes: Arc<ArcSwap<Vec<Route>>>,
    privileged: StepUpLayer,
}

impl Rules {
    pub(crate) fn new(routes: Vec<Route>) -> Self {
        Self {
            routes: Arc::new(ArcSwap::from_pointee(routes)),
            privileged: StepUpLayer::new(AuthenticationRequirement::by_policy()),
        }
    }

    /// Replaces the routes.
    pub(crate) fn replace(&self, routes: Vec<Route>) {
        self.routes.store(Arc::new(routes));
    }
}

impl Gate for Rules {
    fn name(&self) -> &'static str {
        "the routes of the gateway"
    }

    fn admit(&self, state: &SessionState, head: RequestHead<'_>) -> Result<(), Refusal> {
        let Some(path) = head.extensions.get::<ClearPath>() else {
            return Err(Refusal::Miswired("the request's clear path".to_owned()));
        };
        state.reach_route();
        if path.is_own() {
            // A proxy asks about a page of ours: who is not signed in must see the login page.
            return MarkLayer::passive().admit(state, head);
        }
        let routes = self.routes.load();
        let matching = || routes.iter().filter(|route| route.pattern.matches(path));
        for mark in matching().filter_map(|route| route.mark) {
            mark.admit(state, head)?;
        }
        let access = matching().map(|route| route.access).max();
        match access.unwrap_or_default() {
            Access::Public => {}
            Access::Session => demand_session(state)?,
            Access::Privileged => self.privileged.admit(state, head)?,
        }
        for policy in matching().filter_map(|route| route.policy.as_ref()) {
            policy.admit(state, head)?;
        }
        if let Some(route) = matching().next() {
            state.label_route(|| route.pattern.as_str().into());
        }
        Ok(())
    }
}

fn demand_session(state: &SessionState) -> Result<(), Refusal> {
    match state.verdict() {
        Some(Verdict::Live(_)) => {
            state.mark_personal();
            Ok(())
        }
        verdict => {
            let over = verdict.and_then(|verdict| verdict.over());
            Err(over.map_or(Refusal::SessionRequired, Refusal::from))
        }
    }
}
