//! Slots in chunks: no copy when it grows, and empty chunks leave memory.

/// Slots of a chunk: few enough that a chunk empties, many enough that its
/// bookkeeping does not count.
const CHUNK: usize = 128;

/// A slab of values found by index.
#[derive(Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    /// Chunks that have room, the one to fill next at the end.
    roomy: Vec<u32>,
}

#[derive(Debug)]
struct Chunk<T> {
    slots: Vec<Option<T>>,
    free: Vec<u8>,
    /// Whether it stands in `roomy`.
    listed: bool,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            roomy: Vec::new(),
        }
    }

    pub(super) fn get(&self, ix: u32) -> Option<&T> {
        let (chunk, slot) = split(ix);
        self.chunks.get(chunk)?.slots.get(slot)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, ix: u32) -> Option<&mut T> {
        let (chunk, slot) = split(ix);
        self.chunks.get_mut(chunk)?.slots.get_mut(slot)?.as_mut()
    }

    /// Keeps a value and tells its index; gives it back when four thousand
    /// million are kept already.
    pub(super) fn insert(&mut self, value: T) -> Result<u32, T> {
        let chunk_ix = match self.roomy.last() {
            Some(ix) => *ix as usize,
            None => match self.grow() {
                Some(ix) => ix,
                None => return Err(value),
            },
        };
        let chunk = &mut self.chunks[chunk_ix];
        let slot = match chunk.free.pop() {
            Some(slot) => {
                chunk.slots[usize::from(slot)] = Some(value);
                usize::from(slot)
            }
            None => {
                chunk.slots.push(Some(value));
                chunk.slots.len() - 1
            }
        };
        if chunk.free.is_empty() && chunk.slots.len() == CHUNK {
            chunk.listed = false;
            self.roomy.pop();
        }
        Ok(join(chunk_ix, slot))
    }

    pub(super) fn remove(&mut self, ix: u32) -> Option<T> {
        let (chunk_ix, slot) = split(ix);
        let chunk = self.chunks.get_mut(chunk_ix)?;
        let value = chunk.slots.get_mut(slot)?.take()?;
        chunk.free.push(u8::try_from(slot).ok()?);
        if chunk.free.len() == chunk.slots.len() {
            // Nothing is left in it: its memory goes, its place stays.
            chunk.slots = Vec::new();
            chunk.free = Vec::new();
        }
        if !chunk.listed {
            chunk.listed = true;
            self.roomy.push(u32::try_from(chunk_ix).ok()?);
        }
        Some(value)
    }

    /// The first index at or after `from` under which there is a value.
    pub(super) fn next_used(&self, from: u32) -> Option<u32> {
        let (first, mut slot) = split(from);
        for (chunk_ix, chunk) in self.chunks.iter().enumerate().skip(first) {
            let rest = chunk.slots.get(slot..).unwrap_or_default();
            if let Some(found) = rest.iter().position(Option::is_some) {
                return Some(join(chunk_ix, slot + found));
            }
            slot = 0;
        }
        None
    }

    fn grow(&mut self) -> Option<usize> {
        let ix = self.chunks.len();
        let listed = u32::try_from(ix).ok()?;
        u32::try_from((ix + 1) * CHUNK).ok()?;
        self.chunks.push(Chunk {
            slots: Vec::with_capacity(CHUNK),
            free: Vec::new(),
            listed: true,
        });
        self.roomy.push(listed);
        Some(ix)
    }
}

const fn split(ix: u32) -> (usize, usize) {
    let ix = ix as usize;
    (ix / CHUNK, ix % CHUNK)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "`grow` refuses chunks beyond u32"
)]
const fn join(chunk: usize, slot: usize) -> u32 {
    (chunk * CHUNK + slot) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    use proptest::prelude::*;

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec((any::<bool>(), any::<u16>()), 0..2_000)) {
            let mut slab = Slab::new();
            let mut model = HashMap::new();
            for (insert, number) in steps {
                if insert || model.is_empty() {
                    let ix = slab.insert(number).unwrap();
                    prop_assert!(model.insert(ix, number).is_none());
                } else {
                    let nth = usize::from(number) % model.len();
                    let ix = *model.keys().nth(nth).unwrap();
                    prop_assert_eq!(slab.remove(ix), model.remove(&ix));
                    prop_assert_eq!(slab.remove(ix), None);
                }
            }
            for (ix, number) in &model {
                prop_assert_eq!(slab.get(*ix), Some(number));
            }
            let next = |from: Option<u32>| slab.next_used(from.map_or(0, |ix| ix + 1));
            let all: Vec<u32> = std::iter::successors(next(None), |ix| next(Some(*ix))).collect();
            let mut expected: Vec<u32> = model.keys().copied().collect();
            expected.sort_unstable();
            prop_assert_eq!(all, expected);
        }
    }

    #[test]
    fn empty_chunks_leave_memory_and_are_filled_again() {
        let mut slab = Slab::new();
        let all: Vec<u32> = (0..1_000_u32).map(|n| slab.insert(n).unwrap()).collect();
        for ix in &all {
            slab.remove(*ix);
        }
        assert!(slab.chunks.iter().all(|c| c.slots.capacity() == 0));
        let again = slab.insert(7).unwrap();
        assert!(all.contains(&again), "a place is used again");
    }
}
