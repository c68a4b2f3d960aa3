//! Allocations and bytes per request, counted in the other program.

use crate::child::{self, Figures, print};
use crate::contender::{Meter, Unmetered};
use crate::rows::named;
use crate::stats::figure;

/// What has been allocated so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allocated {
    /// How often.
    pub allocations: usize,
    /// How much.
    pub bytes: usize,
}

/// Allocations per request, from the finished request to the dropped answer.
#[derive(Clone, Copy, Debug)]
pub struct Allocations {
    /// How many.
    pub count: f64,
    /// How many bytes.
    pub bytes: f64,
}

/// Counts them for the named rows.
pub fn measure(names: &[&str]) -> Result<Vec<Allocations>, String> {
    let text = child::output_of(child::counting_program()?, &[&names.join(",")])?;
    let figures = Figures::parse(&text)?;
    let read = |name: &&str| match figures.all(name)? {
        [count, bytes] => Ok(Allocations {
            count: *count,
            bytes: *bytes,
        }),
        other => Err(format!("{name}: {other:?}")),
    };
    names.iter().map(read).collect()
}

/// What the counting program does.
pub fn child(allocated: fn() -> Allocated, names: &[&str]) -> Result<(), String> {
    const REQUESTS: usize = 1_000;
    for row in named(names)? {
        let mut contender = row.make();
        let checked = contender.check();
        checked.map_err(|error| format!("{}: {error}", row.name))?;
        // What is allocated once is allocated now.
        contender.batch(REQUESTS, &mut Unmetered);
        let mut counter = Counter {
            allocated,
            before: Allocated::default(),
            count: 0,
            bytes: 0,
        };
        contender.batch(REQUESTS, &mut counter);
        let per_request = |count| figure(count) / figure(REQUESTS);
        print(
            row.name,
            &[per_request(counter.count), per_request(counter.bytes)],
        );
    }
    Ok(())
}

struct Counter {
    allocated: fn() -> Allocated,
    before: Allocated,
    count: usize,
    bytes: usize,
}

impl Meter for Counter {
    fn start(&mut self) {
        self.before = (self.allocated)();
    }

    fn stop(&mut self) {
        let after = (self.allocated)();
        self.count += after.allocations - self.before.allocations;
        self.bytes += after.bytes - self.before.bytes;
    }
}
