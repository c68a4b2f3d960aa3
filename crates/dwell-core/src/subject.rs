//! Who a session belongs to.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Bytes that are kept in place. With them the whole takes 16 bytes.
const INLINE: usize = 14;

/// Who a session belongs to, as the application names its users.
///
/// The text is kept as it is and compared byte by byte. Up to 14 bytes it is
/// kept in place; clones of a longer one share it.
///
/// ```
/// use dwell_core::SubjectId;
///
/// let alice = SubjectId::from("alice");
/// assert_eq!(alice.as_str(), "alice");
/// assert_eq!(alice, SubjectId::from(String::from("alice")));
/// ```
#[derive(Clone)]
pub struct SubjectId(Repr);

/// A short name needs no allocation of its own: 32 bytes and a cache miss less
/// for each session in memory.
#[derive(Clone)]
enum Repr {
    Inline { length: u8, bytes: [u8; INLINE] },
    // Thin: a fat pointer would leave no room for the tag.
    Shared(Arc<Box<str>>),
}

impl SubjectId {
    /// The subject's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // Made of a text, so the fallback is never taken.
            Repr::Inline { .. } => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Repr::Shared(name) => name,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Repr::Shared(name) => name.as_bytes(),
        }
    }
}

impl From<&str> for SubjectId {
    fn from(name: &str) -> Self {
        let mut bytes = [0; INLINE];
        match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(name.as_bytes());
                Self(Repr::Inline { length, bytes })
            }
            _ => Self(Repr::Shared(Arc::new(name.into()))),
        }
    }
}

impl From<String> for SubjectId {
    fn from(name: String) -> Self {
        match name.len() {
            0..=INLINE => Self::from(name.as_str()),
            _ => Self(Repr::Shared(Arc::new(name.into_boxed_str()))),
        }
    }
}

impl PartialEq for SubjectId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for SubjectId {}

impl PartialOrd for SubjectId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SubjectId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for SubjectId {
    /// Like `str`, as [`Borrow<str>`] demands.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for SubjectId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl Serialize for SubjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const TEXTS: [&str; 8] = [
        "",
        "a",
        "a\0",
        "ab",
        "b",
        "fifteen bytes..",
        "fourteen bytes",
        "grün",
    ];

    #[test]
    fn a_name_is_kept_as_it_is_whatever_its_length() {
        let long = "x".repeat(10_000);
        for text in TEXTS.into_iter().chain([long.as_str()]) {
            let (borrowed, owned) = (SubjectId::from(text), SubjectId::from(text.to_owned()));
            assert_eq!(borrowed.as_str(), text);
            assert_eq!(borrowed, owned);
            assert_eq!(borrowed.to_string(), text);
            assert_eq!(format!("{borrowed:?}"), format!("{text:?}"));
            let set = HashSet::from([owned]);
            assert!(set.contains(text) && set.contains(&borrowed));
        }
    }

    #[test]
    fn names_are_in_the_order_of_their_texts() {
        for a in TEXTS {
            for b in TEXTS {
                let order = SubjectId::from(a).cmp(&b.into());
                assert_eq!(order, a.cmp(b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn it_takes_16_bytes() {
        assert_eq!(size_of::<SubjectId>(), 16);
    }
}
