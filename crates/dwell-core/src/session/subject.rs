//! The subject that a session belongs to.

use std::borrow::Borrow;
use std::fmt;

use ecow::EcoString;
use serde::{Serialize, Serializer};

/// The subject that a session belongs to, as the application names its users.
///
/// The text is kept unchanged and compared byte by byte. It must not be empty
/// and must not contain the character NUL, which not every store can keep.
///
/// ```
/// use dwell_core::SubjectId;
///
/// let alice = SubjectId::from("alice");
/// assert_eq!(alice.as_str(), "alice");
/// assert_eq!(alice, SubjectId::from(String::from("alice")));
/// ```
// Up to 15 bytes are kept in place, without an allocation for each session in
// memory. Clones of a longer text share it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectId(EcoString);

impl SubjectId {
    /// Returns `true` if a session can be started for this subject: the text is
    /// not empty and has no NUL.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.0.is_empty() && !self.0.contains('\0')
    }

    /// Returns the subject's name.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl From<&str> for SubjectId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for SubjectId {
    fn from(name: String) -> Self {
        Self(name.into())
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
    fn name_of_any_length_is_kept_unchanged() {
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
    fn names_sort_like_their_texts() {
        for a in TEXTS {
            for b in TEXTS {
                let order = SubjectId::from(a).cmp(&b.into());
                assert_eq!(order, a.cmp(b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn subject_id_takes_16_bytes() {
        assert_eq!(size_of::<SubjectId>(), 16);
    }
}
