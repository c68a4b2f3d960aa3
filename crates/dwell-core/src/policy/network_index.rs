//! Named networks, found by id and by address.

use std::time::Duration;

use ipnetwork::IpNetwork;

use super::network::{NetworkIx, Ranges};
use crate::session::NetworkId;

/// The organization's ceilings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ceilings {
    pub(crate) idle: Option<Duration>,
    pub(crate) absolute: Option<Duration>,
}

/// A named network.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(crate) name: Box<str>,
    pub(crate) id: NetworkId,
    pub(crate) ranges: Vec<IpNetwork>,
    pub(crate) idle: Duration,
}

/// Finds networks by their ids and addresses.
#[derive(Debug, Default)]
pub(super) struct NetworkIndex {
    pub(super) by_id: Vec<(NetworkId, NetworkIx)>,
    pub(super) ranges: Ranges,
}

impl NetworkIndex {
    pub(super) fn new(networks: &[Network]) -> Self {
        let ix = |i: usize| NetworkIx(u16::try_from(i + 1).unwrap_or(u16::MAX));
        let mut by_id: Vec<_> = networks
            .iter()
            .enumerate()
            .map(|(i, network)| (network.id, ix(i)))
            .collect();
        by_id.sort_unstable();
        let ranges: Vec<_> = networks
            .iter()
            .enumerate()
            .flat_map(|(i, network)| network.ranges.iter().map(move |range| (*range, ix(i))))
            .collect();
        Self {
            by_id,
            ranges: Ranges::new(&ranges),
        }
    }
}

/// The network that an address was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct NetworkMatch(pub(crate) NetworkIx);

impl NetworkMatch {
    /// Packs the match for a handle. Never zero.
    pub(crate) fn to_bits(self) -> u32 {
        u32::from(self.0.0) + 1
    }

    /// Unpacks what [`to_bits`](Self::to_bits) packed. Zero is no network.
    pub(crate) fn from_bits(bits: u32) -> Self {
        let ix = u16::try_from(bits.saturating_sub(1)).unwrap_or_default();
        Self(NetworkIx(ix))
    }
}
