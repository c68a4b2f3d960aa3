//! The names of keys, and their slots in a cluster.
//!
//! Sessions are spread over 256 partitions by the first byte of their key. All
//! keys of a partition have the same hash tag, so a script can change a session
//! and the schedule together. The tags are chosen so that one partition lies in
//! every 64 slots.

use dwell_core::{SessionKey, SubjectId};
use sha2::{Digest, Sha256};

/// How many partitions there are.
pub(crate) const PARTITIONS: usize = 256;

/// Slots of a cluster (Redis Cluster specification, "Key distribution model").
const SLOTS: u16 = 16_384;

/// One number per partition, whose decimal text hashes to one of the
/// partition's 64 slots.
const TAGS: [u16; 256] = tags();

/// The names of all keys.
pub(crate) struct Layout {
    prefix: String,
    /// By partition number. Made once, since every request needs one.
    partitions: Vec<Partition>,
}

/// The names of a partition's keys.
#[derive(Debug)]
pub(crate) struct Partition {
    number: u8,
    /// What all keys of the partition begin with.
    start: String,
}

/// The names of a subject's keys, in one slot.
pub(crate) struct SubjectKeys {
    pub(crate) sessions: Vec<u8>,
    pub(crate) tombstones: Vec<u8>,
}

impl Layout {
    pub(crate) fn new(prefix: &str) -> Self {
        let partition = |number: u8| Partition {
            number,
            start: format!("{prefix}:{{{}}}:", TAGS[usize::from(number)]),
        };
        Self {
            prefix: prefix.to_owned(),
            partitions: (0..=u8::MAX).map(partition).collect(),
        }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key that holds the version of the layout.
    pub(crate) fn schema(&self) -> String {
        format!("{}:schema", self.prefix)
    }

    /// The channel on which changes are published. All databases of a server
    /// share channels, so the name contains the database's number.
    pub(crate) fn channel(&self, database: i64) -> String {
        format!("{}:{database}:changed", self.prefix)
    }

    pub(crate) fn partition(&self, number: u8) -> &Partition {
        &self.partitions[usize::from(number)]
    }

    /// The partition of a session.
    pub(crate) fn of(&self, key: SessionKey) -> &Partition {
        self.partition(partition_of(key))
    }

    /// The keys of a subject's list of sessions, and of its tombstones by age.
    /// The subject is hashed: it may have any length, and an operator who lists
    /// keys need not learn who signed in.
    pub(crate) fn subject(&self, subject: &SubjectId) -> SubjectKeys {
        let digest: [u8; 32] = Sha256::new_with_prefix(b"dwell subject")
            .chain_update(subject.as_str())
            .finalize()
            .into();
        let partition = self.partition(digest[0]);
        let key = |kind| joined(&partition.start, kind, &digest[..16]);
        SubjectKeys {
            sessions: key("u:"),
            tombstones: key("t:"),
        }
    }
}

impl Partition {
    pub(crate) fn number(&self) -> u8 {
        self.number
    }

    pub(crate) fn session(&self, key: SessionKey) -> Vec<u8> {
        joined(&self.start, "s:", key.as_bytes())
    }

    /// What keys of sessions begin with.
    pub(crate) fn sessions(&self) -> String {
        format!("{}s:", self.start)
    }

    /// The key of the seconds in which something is due.
    pub(crate) fn due(&self) -> String {
        format!("{}due", self.start)
    }

    /// The key of what is due in a second.
    pub(crate) fn bucket(&self, second: u64) -> String {
        format!("{}d:{second}", self.start)
    }

    /// What keys of seconds begin with.
    pub(crate) fn buckets(&self) -> String {
        format!("{}d:", self.start)
    }

    /// The key of the ends that are not reported yet.
    pub(crate) fn unreported(&self) -> String {
        format!("{}out", self.start)
    }
}

/// Returns the partition of a session.
pub(crate) fn partition_of(key: SessionKey) -> u8 {
    key.as_bytes()[0]
}

fn joined(start: &str, kind: &str, id: &[u8]) -> Vec<u8> {
    [start.as_bytes(), kind.as_bytes(), id].concat()
}

/// Returns the slot of one of our keys.
pub(crate) fn slot_of(key: &[u8]) -> u16 {
    let tag = key.split(|byte| matches!(byte, b'{' | b'}')).nth(1);
    tag.unwrap_or(key)
        .iter()
        .fold(0, |crc, byte| crc16(crc, *byte))
        % SLOTS
}

const fn tags() -> [u16; 256] {
    let mut tags = [u16::MAX; 256];
    let (mut found, mut number) = (0, 0);
    while found < 256 {
        let band = (slot_of_number(number) / (SLOTS / 256)) as usize;
        if tags[band] == u16::MAX {
            tags[band] = number;
            found += 1;
        }
        number += 1;
    }
    tags
}

/// Returns the slot of a number's decimal text.
const fn slot_of_number(number: u16) -> u16 {
    let mut crc = 0;
    let mut power = 10_000;
    while power > 0 {
        if number >= power || power == 1 {
            crc = crc16(crc, b'0' + (number / power % 10) as u8);
        }
        power /= 10;
    }
    crc % SLOTS
}

/// CRC-16/XMODEM, as the cluster specification demands.
const fn crc16(crc: u16, byte: u8) -> u16 {
    let mut crc = crc ^ ((byte as u16) << 8);
    let mut bit = 0;
    while bit < 8 {
        crc = if crc & 0x8000 != 0 {
            (crc << 1) ^ 0x1021
        } else {
            crc << 1
        };
        bit += 1;
    }
    crc
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn checksum_matches_specification() {
        let crc = b"123456789".iter().fold(0, |crc, byte| crc16(crc, *byte));
        assert_eq!(crc, 0x31C3);
    }

    // The cluster client computes slots in the same way, and sends the change
    // there.
    #[test]
    fn slot_of_key_is_that_of_its_tag() {
        let layout = Layout::new("a");
        for number in 0..=u8::MAX {
            let key = layout.partition(number).due();
            assert_eq!(slot_of(key.as_bytes()) / 64, u16::from(number));
        }
        assert_eq!(slot_of(b"foo"), 12_182, "CLUSTER KEYSLOT foo");
    }

    #[test]
    fn partitions_spread_evenly_over_slots() {
        for (partition, tag) in TAGS.iter().enumerate() {
            let crc = tag.to_string().bytes().fold(0, crc16);
            assert_eq!(usize::from(crc % SLOTS / 64), partition);
        }
        let tags: HashSet<_> = TAGS.iter().collect();
        assert_eq!(tags.len(), 256);
    }
}
