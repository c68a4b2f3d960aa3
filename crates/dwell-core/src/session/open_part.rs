//! The open part of a record: rarely used facts, each an entry under a tag.
//!
//! A store keeps it as one opaque value, so a new fact needs no change to any
//! store. A new fact needs a code in [`OpenTag`], a file beside
//! [`authentication`](super::authentication) that reads and writes its entry,
//! and the command that states it.
//!
//! A node of an older version keeps an entry that it does not know, but can't
//! bring it up to date. A fact that must change together with another one,
//! such as the authentication time, keeps a copy of that one and no longer
//! counts when the two differ.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The tag of an entry in an [`OpenPart`].
///
/// Codes never change, and the code of a removed fact is not used again. Codes
/// from 240 on are reserved for tests, as entries of a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenTag(u8);

impl OpenTag {
    /// How the subject authenticated
    /// ([`AuthenticationContext`](crate::AuthenticationContext)).
    pub const AUTHENTICATION: Self = Self(1);
    /// What the authentication was before the last one, for the token that was
    /// replaced by it.
    pub const EARLIER_RIGHTS: Self = Self(2);

    /// When the newest proof of an adopted session was issued that was heard.
    pub const HEARD: Self = Self(8);
    /// What the owner of an adopted session knows it by.
    pub const OWNER: Self = Self(9);

    /// Returns the tag with this code, known or not.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        Self(code)
    }

    /// Returns the code that records keep.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }
}

/// The rarely used facts of a session: a list of tagged entries.
///
/// Immutable; clones share it. Every operation keeps entries with unknown tags,
/// so a node of an older version loses nothing that a newer one has written.
///
/// ```
/// use dwell_core::{OpenPart, OpenTag};
///
/// let newer = OpenTag::from_code(240);
/// let open = OpenPart::new().with(newer, b"of a newer version")?;
/// let read = OpenPart::from_bytes(open.as_bytes())?;
/// assert_eq!(read.get(newer), Some(&b"of a newer version"[..]));
/// assert!(read.without(newer).is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
// As bytes: entries in the order of their tags, each its tag, the length of
// its value (16 bits, big-endian) and its value. So equal parts have equal
// bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct OpenPart(Option<Arc<[u8]>>);

/// The error for an entry that does not fit into a record's open part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("acr, amr and other rare facts of the session exceed 1,024 bytes together; shorten them")]
#[allow(clippy::exhaustive_structs, reason = "there is nothing to add")]
pub struct OpenPartFull;

/// The error for bytes that are not an open part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the open part of a session is truncated, out of order or longer than 1,024 bytes")]
#[allow(clippy::exhaustive_structs, reason = "there is nothing to add")]
pub struct InvalidOpenPart;

/// Bytes of an entry before its value.
const HEAD: usize = 3;

impl OpenPart {
    /// The most bytes of an open part, all entries together: 1,024.
    pub const MAX_LEN: usize = 1_024;

    /// Returns an open part without entries.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Reads the bytes that a store kept.
    ///
    /// # Errors
    /// [`InvalidOpenPart`] if [`as_bytes`](Self::as_bytes) never returns such
    /// bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidOpenPart> {
        let (mut rest, mut last) = (bytes, None);
        while !rest.is_empty() {
            let (tag, _, after) = first_entry(rest).ok_or(InvalidOpenPart)?;
            if last >= Some(tag) {
                return Err(InvalidOpenPart);
            }
            (rest, last) = (after, Some(tag));
        }
        match bytes.len() <= Self::MAX_LEN {
            true => Ok(Self::of(bytes)),
            false => Err(InvalidOpenPart),
        }
    }

    /// Returns the bytes that a store keeps; empty if there is no entry.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Returns `true` if there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the value of the entry with this tag.
    #[must_use]
    pub fn get(&self, tag: OpenTag) -> Option<&[u8]> {
        self.as_bytes()[self.place(tag)].get(HEAD..)
    }

    /// Returns a copy in which the entry with this tag has this value.
    ///
    /// # Errors
    /// [`OpenPartFull`] if all entries would exceed
    /// [`MAX_LEN`](Self::MAX_LEN) bytes together.
    pub fn with(&self, tag: OpenTag, value: &[u8]) -> Result<Self, OpenPartFull> {
        let [high, low] = u16::try_from(value.len())
            .map_err(|_| OpenPartFull)?
            .to_be_bytes();
        let open = self.replaced(tag, &[&[tag.0, high, low], value]);
        match open.as_bytes().len() <= Self::MAX_LEN {
            true => Ok(open),
            false => Err(OpenPartFull),
        }
    }

    /// Returns a copy without the entry with this tag.
    #[must_use]
    pub fn without(&self, tag: OpenTag) -> Self {
        self.replaced(tag, &[])
    }

    fn of(bytes: &[u8]) -> Self {
        Self((!bytes.is_empty()).then(|| bytes.into()))
    }

    fn replaced(&self, tag: OpenTag, entry: &[&[u8]]) -> Self {
        let (bytes, place) = (self.as_bytes(), self.place(tag));
        let parts = [&[&bytes[..place.start]], entry, &[&bytes[place.end..]]];
        Self::of(&parts.concat().concat())
    }

    /// Returns the place of the entry with this tag, or the empty place where
    /// it would be inserted.
    fn place(&self, tag: OpenTag) -> Range<usize> {
        let mut start = 0;
        while let Some((found, value, _)) = first_entry(&self.as_bytes()[start..]) {
            let end = start + HEAD + value.len();
            if found == tag {
                return start..end;
            }
            if found > tag {
                break;
            }
            start = end;
        }
        start..start
    }
}

/// Returns tag and value of the first entry, and the rest.
fn first_entry(bytes: &[u8]) -> Option<(OpenTag, &[u8], &[u8])> {
    let (&[tag, high, low], rest) = bytes.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(u16::from_be_bytes([high, low]).into())?;
    Some((OpenTag(tag), value, rest))
}

/// Shows tags and lengths only: an entry may hold a secret (law L9).
impl fmt::Debug for OpenPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        let mut rest = self.as_bytes();
        while let Some((tag, value, after)) = first_entry(rest) {
            map.entry(&tag.0, &format_args!("{} bytes", value.len()));
            rest = after;
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const NEWER: OpenTag = OpenTag(240);

    #[test]
    fn empty_open_part_takes_16_bytes_and_no_heap() {
        assert_eq!(size_of::<OpenPart>(), 16);
        assert_eq!(OpenPart::from_bytes(b""), Ok(OpenPart::new()));
        let open = OpenPart::new().with(NEWER, b"").unwrap();
        assert_eq!(open.as_bytes(), [240, 0, 0]);
        assert_eq!(open.get(NEWER), Some(&[][..]));
        assert!(open.without(NEWER).0.is_none());
    }

    #[test]
    fn open_part_is_bounded() {
        let most = OpenPart::MAX_LEN - HEAD;
        let full = OpenPart::new().with(NEWER, &vec![7; most]).unwrap();
        assert_eq!(full.as_bytes().len(), OpenPart::MAX_LEN);
        assert_eq!(full.with(OpenTag::AUTHENTICATION, b""), Err(OpenPartFull));
        for beyond in [most + 1, 70_000] {
            assert_eq!(full.with(NEWER, &vec![7; beyond]), Err(OpenPartFull));
        }
        let too_long = [&[240, 4, 0][..], &[7; 1_024]].concat();
        assert_eq!(OpenPart::from_bytes(&too_long), Err(InvalidOpenPart));
    }

    #[test]
    fn l09_debug_shows_no_entry() {
        let open = OpenPart::new().with(NEWER, b"secret").unwrap();
        assert_eq!(format!("{open:?}"), "{240: 6 bytes}");
    }

    #[test]
    fn only_canonical_bytes_are_read() {
        for bytes in [
            &[1][..],
            &[1, 0],
            &[1, 0, 1],
            &[1, 0, 0, 1, 0, 0],
            &[2, 0, 0, 1, 0, 0],
        ] {
            assert_eq!(OpenPart::from_bytes(bytes), Err(InvalidOpenPart));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn open_part_behaves_like_a_map(
            steps in prop::collection::vec(
                (0..6_u8, prop::option::of(prop::collection::vec(any::<u8>(), 0..400))), 0..24,
            ),
        ) {
            let (mut open, mut map) = (OpenPart::new(), BTreeMap::new());
            for (code, value) in steps {
                let tag = OpenTag::from_code(code);
                match value {
                    None => {
                        map.remove(&tag);
                        open = open.without(tag);
                    }
                    Some(value) => {
                        let mut wider = map.clone();
                        wider.insert(tag, value.clone());
                        let len: usize = wider.values().map(|v| HEAD + v.len()).sum();
                        match open.with(tag, &value) {
                            Ok(with) => {
                                (open, map) = (with, wider);
                                prop_assert!(len <= OpenPart::MAX_LEN);
                            }
                            Err(OpenPartFull) => prop_assert!(len > OpenPart::MAX_LEN),
                        }
                    }
                }
                for code in 0..6 {
                    let tag = OpenTag::from_code(code);
                    prop_assert_eq!(open.get(tag), map.get(&tag).map(Vec::as_slice));
                }
                prop_assert_eq!(OpenPart::from_bytes(open.as_bytes()), Ok(open.clone()));
            }
        }

        #[test]
        fn arbitrary_bytes_are_read_or_refused(
            bytes in prop::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..40),
        ) {
            if let Ok(open) = OpenPart::from_bytes(&bytes) {
                prop_assert_eq!(open.as_bytes(), &bytes[..]);
                for code in 0..=u8::MAX {
                    let tag = OpenTag::from_code(code);
                    if let Some(value) = open.get(tag) {
                        prop_assert_eq!(open.with(tag, value), Ok(open.clone()));
                    } else {
                        prop_assert_eq!(open.without(tag), open.clone());
                    }
                }
            }
        }
    }
}
