//! The layer that classifies requests.

use dwell_core::{Fetch, SessionState};
use http::HeaderMap;
use tower_layer::Layer;

use super::classify::{ClassifyActivity, DefaultClassifier};
use crate::gate::{Gate, Gated, RequestHead};
use crate::gateway::Gateway;
use crate::rejection::Refusal;

/// Classifies requests as active or passive by their headers; see the
/// [module docs](super). Defaults to [`classify_headers`](super::classify_headers).
#[derive(Clone, Copy, Debug, Default)]
pub struct ActivityLayer<C = DefaultClassifier> {
    classifier: C,
}

impl ActivityLayer {
    /// Returns the layer with the default classification.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<C> ActivityLayer<C> {
    /// Sets the classification. The [module docs](super) have an example.
    #[must_use]
    pub fn with_classifier<D: ClassifyActivity>(self, classifier: D) -> ActivityLayer<D> {
        ActivityLayer { classifier }
    }
}

impl<C: ClassifyActivity> Gate for ActivityLayer<C> {
    fn name(&self) -> &'static str {
        "the activity layer"
    }

    fn admit(&self, state: &SessionState, request: RequestHead<'_>) -> Result<(), Refusal> {
        let mut evidence = self.classifier.classify(request.method, request.headers);
        if evidence.fetch == Fetch::CrossSite && is_of_ours(state, request.headers) {
            evidence.fetch = Fetch::Plain;
        }
        state.add_evidence(evidence);
        Ok(())
    }
}

/// Whether the script of a listed origin made the request. Fetch metadata that is
/// sent twice was not made by a browser.
fn is_of_ours(state: &SessionState, headers: &HeaderMap) -> bool {
    let metadata = ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"];
    let is_single = |name: &&str| headers.get_all(*name).iter().nth(1).is_none();
    metadata.iter().all(is_single)
        && Gateway::of(state).is_some_and(|gateway| gateway.lists_origin(headers))
}

impl<S, C: Clone> Layer<S> for ActivityLayer<C> {
    type Service = ActivityService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, self.clone())
    }
}

/// The service of [`ActivityLayer`].
pub type ActivityService<S, C = DefaultClassifier> = Gated<S, ActivityLayer<C>>;
