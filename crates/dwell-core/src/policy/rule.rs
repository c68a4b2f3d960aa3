//! Which rule set a limit, and how a policy sees requests without a mark.

use super::Preset;
use crate::session::{NetworkId, PolicyId};

/// Which rule set a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The named policy's own number.
    Policy(PolicyId),
    /// A network's allowance.
    Network(NetworkId),
    /// The organization's ceiling.
    Organization,
    /// The bound of the preset that the policy started from.
    Preset(Preset),
    /// The identity provider's limit.
    Provider,
    /// A deadline recorded under an earlier, stricter rule, which a looser
    /// one does not move.
    Recorded,
}

/// How a policy sees requests on routes without a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Unmarked {
    /// As activity: what is passive must be marked.
    #[default]
    Active,
    /// As passive: only marked routes and requests count (N3).
    Passive,
}
