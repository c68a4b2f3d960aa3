//! The rule that set a limit, and how requests without a mark count.

use super::Preset;
use crate::session::{NetworkId, PolicyId};

/// The rule that set a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The policy's own number.
    Policy(PolicyId),
    /// The number of a named network.
    Network(NetworkId),
    /// The organization's ceiling.
    Organization,
    /// The bound of the policy's preset.
    Preset(Preset),
    /// The identity provider's limit.
    Provider,
    /// A deadline that was recorded under an earlier, stricter rule. Looser
    /// rules do not move recorded deadlines.
    Recorded,
}

/// How page navigations count that no person is known to have started, such as a
/// page that reloads itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a request either counts or it does not"
)]
pub enum Unprompted {
    /// As activity. The default, since not every browser tells.
    #[default]
    Active,
    /// As passive: a navigation without `Sec-Fetch-User` (W3C Fetch Metadata §2.4)
    /// does not count.
    Passive,
}

/// How requests on routes without a mark count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a request either counts or it does not"
)]
pub enum Unmarked {
    /// As activity: passive routes must be marked. The default.
    #[default]
    Active,
    /// As passive: only marked routes and requests that declare themselves
    /// active count (N3).
    Passive,
}
