//! Places for sessions, in chunks that are never copied, and that leave memory
//! when they are empty.
//!
//! Chunks grow with their number, as in "Resizable Arrays in Optimal Time and
//! Space" (Brodnik et al., 1999): of n places about √n stand in a chunk and
//! there are about √n chunks. So neither what is not in use yet nor the list
//! of chunks, which readers get a copy of, ever counts. A place is named by
//! its chunk and its number there, so nobody but who adds a chunk needs to
//! know how large they are.

use std::sync::Arc;

/// The chunks as readers see them.
pub(crate) type Chunks<C> = Arc<[Option<Arc<[C]>>]>;

/// Bits of a place that are its number in the chunk.
const BITS: u32 = 12;

/// Chunks, of up to 4096 places: with more, places would not fit into a
/// reference of the index by subject.
const MOST: usize = (1 << 14) - 1;

/// The first chunks have 16 places. In models one, so that chunks come and go.
const FIRST: usize = if cfg!(shuttle) { 1 } else { 16 };

/// What whoever takes and frees places knows of them.
#[derive(Debug)]
pub(crate) struct Places<C> {
    chunks: Vec<Chunk<C>>,
    /// Chunks that have room. The lowest is filled first, so that the last
    /// ones become empty.
    roomy: Bits,
    /// Places in all chunks together.
    total: usize,
}

#[derive(Debug)]
struct Chunk<C> {
    /// `None` while nothing is in it.
    cells: Option<Arc<[C]>>,
    /// A bit for each place in use, and for those beyond its size.
    used: Box<[u64]>,
    free: usize,
    size: usize,
}

impl<C: Default> Places<C> {
    pub(crate) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            roomy: Bits(Vec::new()),
            total: 0,
        }
    }

    pub(crate) fn chunks(&self) -> Chunks<C> {
        self.chunks
            .iter()
            .map(|chunk| chunk.cells.clone())
            .collect()
    }

    /// Takes a place, and tells whether there is a new chunk; `None` when fifty
    /// million are taken already.
    pub(crate) fn take(&mut self) -> Option<(u32, bool)> {
        let at = match self.roomy.first() {
            Some(at) => at,
            None => self.grow()?,
        };
        let chunk = &mut self.chunks[at];
        let new = chunk.cells.is_none();
        if new {
            chunk.cells = Some((0..chunk.size).map(|_| C::default()).collect());
        }
        let nth = chunk.take()?;
        if chunk.free == 0 {
            self.roomy.remove(at);
        }
        Some((join(at, nth), new))
    }

    /// Frees a place, and tells whether its chunk is no longer there.
    pub(crate) fn free(&mut self, place: u32) -> bool {
        let (at, nth) = split(place);
        let Some(chunk) = self.chunks.get_mut(at) else {
            return false;
        };
        if !chunk.release(nth) {
            return false;
        }
        self.roomy.insert(at);
        if chunk.free < chunk.size {
            return false;
        }
        chunk.cells = None;
        while let Some(last) = self.chunks.pop_if(|last| last.cells.is_none()) {
            self.total -= last.size;
            self.roomy.remove(self.chunks.len());
        }
        true
    }

    pub(crate) fn get(&self, place: u32) -> Option<&C> {
        let (at, nth) = split(place);
        self.chunks.get(at)?.cells.as_ref()?.get(nth)
    }

    /// The first place in use at or after `from`.
    pub(crate) fn next_used(&self, from: u32) -> Option<u32> {
        let (first, mut nth) = split(from);
        for (at, chunk) in self.chunks.iter().enumerate().skip(first) {
            if let Some(nth) = chunk.next_used(nth) {
                return Some(join(at, nth));
            }
            nth = 0;
        }
        None
    }

    fn grow(&mut self) -> Option<usize> {
        let at = self.chunks.len();
        if at == MOST {
            return None;
        }
        let chunk = Chunk::empty(size_after(self.total));
        self.total += chunk.size;
        self.chunks.push(chunk);
        self.roomy.insert(at);
        Some(at)
    }
}

/// The place in what readers see.
pub(crate) fn cell<C>(chunks: &[Option<Arc<[C]>>], place: u32) -> Option<&C> {
    let (at, nth) = split(place);
    chunks.get(at)?.as_ref()?.get(nth)
}

/// A set of small numbers: 2 KB for all chunks that there can be.
#[derive(Debug)]
struct Bits(Vec<u64>);

impl Bits {
    fn first(&self) -> Option<usize> {
        let at = self.0.iter().position(|word| *word != 0)?;
        Some(at * 64 + self.0[at].trailing_zeros() as usize)
    }

    fn insert(&mut self, number: usize) {
        let at = number / 64;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (number % 64);
    }

    fn remove(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word &= !(1 << (number % 64));
        }
    }
}

impl<C> Chunk<C> {
    fn empty(size: usize) -> Self {
        let mut used = vec![0; size.div_ceil(64)].into_boxed_slice();
        if let (Some(last), over) = (used.last_mut(), size % 64)
            && over > 0
        {
            *last = u64::MAX << over;
        }
        Self {
            cells: None,
            used,
            free: size,
            size,
        }
    }

    fn take(&mut self) -> Option<usize> {
        let at = self.used.iter().position(|word| *word != u64::MAX)?;
        let bit = self.used[at].trailing_ones() as usize;
        self.used[at] |= 1 << bit;
        self.free -= 1;
        Some(at * 64 + bit)
    }

    fn release(&mut self, nth: usize) -> bool {
        let bit = 1 << (nth % 64);
        let taken = nth < self.size && self.used[nth / 64] & bit != 0;
        if taken {
            self.used[nth / 64] &= !bit;
            self.free += 1;
        }
        taken
    }

    fn next_used(&self, from: usize) -> Option<usize> {
        let mut mask = u64::MAX << (from % 64);
        for at in from / 64..self.used.len() {
            let bit = (self.used[at] & mask).trailing_zeros() as usize;
            if bit < 64 {
                // The bits beyond its size stand after all others.
                let nth = at * 64 + bit;
                return (nth < self.size).then_some(nth);
            }
            mask = u64::MAX;
        }
        None
    }
}

/// The chunk in which a place is, and its number there.
const fn split(place: u32) -> (usize, usize) {
    let place = place as usize;
    (place >> BITS, place & ((1 << BITS) - 1))
}

#[allow(clippy::cast_possible_truncation, reason = "26 bits")]
const fn join(chunk: usize, nth: usize) -> u32 {
    (chunk << BITS | nth) as u32
}

/// The size of the chunk after so many places: the next power of two to the
/// root of their number.
const fn size_after(total: usize) -> usize {
    let bits = (total + FIRST * FIRST).ilog2();
    let size = 1 << bits.div_ceil(2);
    if size < 1 << BITS { size } else { 1 << BITS }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Cell;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn behaves_like_a_set(steps in prop::collection::vec((0..5_u8, any::<u16>()), 0..2_000)) {
            let mut places = Places::<Cell>::new();
            let mut model = BTreeSet::new();
            for (step, number) in steps {
                let before = places.chunks().iter().flatten().count();
                let (place, changed) = if step < 3 || model.is_empty() {
                    let (place, new) = places.take().unwrap();
                    prop_assert!(model.insert(place), "taken twice");
                    (place, new)
                } else {
                    let nth = usize::from(number) % model.len();
                    let place = *model.iter().nth(nth).unwrap();
                    model.remove(&place);
                    let gone = places.free(place);
                    prop_assert!(!places.free(place), "freed once");
                    (place, gone)
                };
                let after = places.chunks().iter().flatten().count();
                prop_assert_eq!(before != after, changed);
                prop_assert_eq!(places.get(place).is_some(), model.contains(&place) || !changed);
                prop_assert_eq!(cell(&places.chunks(), place).is_some(), places.get(place).is_some());
            }
            let next = |from: Option<u32>| places.next_used(from.map_or(0, |place| place + 1));
            let all: Vec<u32> = std::iter::successors(next(None), |place| next(Some(*place))).collect();
            prop_assert_eq!(all, model.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn chunks_are_about_as_many_as_they_are_large() {
        let (mut total, mut chunks) = (0, 0);
        while total < 30_000_000 {
            let size = size_after(total);
            assert!(size * size <= 2 * (total + 256), "{size} of {total}");
            assert!(chunks * chunks <= 5 * total, "{chunks} for {total}");
            total += size;
            chunks += 1;
        }
        assert!(chunks < MOST && size_after(usize::MAX / 2) == 1 << BITS);
        assert_eq!(split(join(MOST, 4_095)), (MOST, 4_095));
    }

    #[test]
    fn empty_chunks_leave_memory_and_are_filled_again() {
        let mut places = Places::<Cell>::new();
        let all: Vec<u32> = (0..1_000).map(|_| places.take().unwrap().0).collect();
        for place in &all[..900] {
            places.free(*place);
        }
        let left = places
            .chunks()
            .iter()
            .flatten()
            .map(|c| c.len())
            .sum::<usize>();
        assert!(left < 200, "{left}");
        assert_eq!(places.take().unwrap(), (0, true), "a place is used again");
        for place in &all[900..] {
            places.free(*place);
        }
        places.free(0);
        assert!(places.chunks().is_empty());
    }
}
