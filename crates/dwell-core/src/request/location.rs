//! The client's network and address, which the network layer writes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::policy::NetworkMatch;

/// Set in the packed network if the client's address is IPv4.
const IS_V4: u32 = 1 << 31;

/// The client's network and address, written once.
#[derive(Debug, Default)]
pub(crate) struct Location {
    /// The network, packed; zero until a network layer runs.
    network: AtomicU32,
    /// The address, if it is IPv4, so that most requests take no lock.
    v4: AtomicU32,
    v6: OnceLock<IpAddr>,
}

impl Location {
    /// Writes both, once. The layers of a request run one after another, so no
    /// atomic exchange is needed.
    pub(crate) fn set(&self, network: NetworkMatch, address: Option<IpAddr>) {
        let order = Ordering::Relaxed;
        if self.is_set() {
            return;
        }
        self.network.store(pack(network, address), order);
        match address {
            Some(IpAddr::V4(v4)) => self.v4.store(v4.to_bits(), order),
            Some(v6) => {
                self.v6.get_or_init(|| v6);
            }
            None => {}
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.network.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn network(&self) -> NetworkMatch {
        NetworkMatch::from_bits(self.network.load(Ordering::Relaxed) & !IS_V4)
    }

    pub(crate) fn address(&self) -> Option<IpAddr> {
        if self.network.load(Ordering::Relaxed) & IS_V4 == 0 {
            return self.v6.get().copied();
        }
        let v4 = self.v4.load(Ordering::Relaxed);
        Some(IpAddr::V4(Ipv4Addr::from_bits(v4)))
    }
}

fn pack(network: NetworkMatch, address: Option<IpAddr>) -> u32 {
    match address {
        Some(IpAddr::V4(_)) => network.to_bits() | IS_V4,
        Some(IpAddr::V6(_)) | None => network.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_location_stays_in_either_family() {
        for text in [
            "10.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "2001:db8::1",
            "::",
        ] {
            let address: IpAddr = text.parse().unwrap();
            let location = Location::default();
            assert!(!location.is_set() && location.address().is_none());
            location.set(NetworkMatch::from_bits(3), Some(address));
            location.set(NetworkMatch::from_bits(9), "192.0.2.7".parse().ok());
            assert_eq!(location.address(), Some(address));
            assert_eq!(location.network(), NetworkMatch::from_bits(3));
        }
        let unknown = Location::default();
        unknown.set(NetworkMatch::default(), None);
        assert!(unknown.is_set() && unknown.address().is_none());
    }
}
