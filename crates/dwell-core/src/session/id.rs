//! Short ids of policies, networks and sessions.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::session::SessionKey;

/// A session's reference, for logs and for pages that list sessions: 64 bits of
/// a hash. Neither token nor key can be derived from it (law L9).
///
/// Displays as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionRef(u64);

impl SessionRef {
    /// Returns the reference of the session under `key`.
    #[must_use]
    pub fn of(key: SessionKey) -> Self {
        let digest: [u8; 32] = Sha256::new_with_prefix(b"dwell session reference")
            .chain_update(key.as_bytes())
            .finalize()
            .into();
        Self(first_u64(&digest))
    }

    /// Reads what [`Display`](fmt::Display) wrote: 16 hexadecimal digits.
    /// Returns `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !hex {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for SessionRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The short form of a policy's name in session records: a hash of the name.
///
/// It is the same on every node and after a reload. Building a policy set fails
/// if two of its names have the same hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId(u32);

/// The short form of a network's name in session records: a hash of the name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkId(u32);

impl PolicyId {
    /// The id of the policy named `default`.
    pub const DEFAULT: Self = Self::of("default");

    /// Returns the id of the policy with this name.
    #[must_use]
    pub const fn of(name: &str) -> Self {
        Self(name_hash(name))
    }

    /// Returns the number that stores keep.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// Returns the id for a number that [`to_bits`](Self::to_bits) returned.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

impl NetworkId {
    /// No named network: the address is unknown, or in no range.
    pub const NONE: Self = Self(0);

    /// Returns the id of the network with this name.
    #[must_use]
    pub const fn of(name: &str) -> Self {
        Self(name_hash(name))
    }

    /// Returns the number that stores keep.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// Returns the id for a number that [`to_bits`](Self::to_bits) returned.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyId({:08x})", self.0)
    }
}

impl fmt::Debug for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NetworkId({:08x})", self.0)
    }
}

/// FNV-1a, 32 bits. Never changes, since stores keep it; never zero, which
/// stands for none.
const fn name_hash(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash = 0x811c_9dc5_u32;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    if hash == 0 { 1 } else { hash }
}

fn first_u64(digest: &[u8; 32]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l09_reference_is_short_stable_and_parses_back() {
        let key = SessionKey::from_bytes([7; 16]);
        let reference = SessionRef::of(key);
        assert_eq!(reference, SessionRef::of(key));
        assert_eq!(reference.to_string().len(), 16);
        assert_eq!(SessionRef::parse(&reference.to_string()), Some(reference));
        assert!(!reference.to_string().contains("0707"));
        assert_eq!(SessionRef::parse("+123456789abcdef"), None);
        assert_eq!(SessionRef::parse("123"), None);
    }

    #[test]
    fn ids_are_stable_across_releases() {
        assert_eq!(PolicyId::DEFAULT.to_bits(), 0x933b_5bde);
        assert_ne!(NetworkId::of("office"), NetworkId::NONE);
    }
}
