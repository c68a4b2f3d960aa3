//! Nanoseconds and allocations per request, in interleaved rounds.

use std::alloc::System;
use std::time::Instant;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::contender::{Contender, Entry, block_on};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The figures of one contender, per request.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Nanoseconds of every round, sorted.
    pub nanos: Vec<f64>,
    /// Allocations, without those that made the request.
    pub allocations: f64,
    /// Bytes allocated, without those that made the request.
    pub bytes: f64,
}

impl Figures {
    /// The median round.
    pub fn median(&self) -> f64 {
        self.nanos[self.nanos.len() / 2]
    }
}

/// Bytes that are allocated now, by the allocator's own count.
pub fn allocated_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated)
}

/// Measures all contenders: A B C … A B C …, so that a slow moment of the
/// machine meets them all.
pub fn measure(entries: &[&Entry], rounds: usize, requests: usize) -> Vec<Figures> {
    let mut contenders: Vec<Contender> = entries.iter().map(|entry| (entry.make)()).collect();
    let mut figures = vec![
        Figures {
            nanos: Vec::new(),
            allocations: 0.0,
            bytes: 0.0
        };
        contenders.len()
    ];
    block_on(async {
        for contender in &mut contenders {
            contender.check().await;
            for _ in 0..requests {
                let request = contender.request();
                drop(contender.send(request).await);
            }
        }
        for _ in 0..rounds {
            for (contender, figures) in contenders.iter_mut().zip(&mut figures) {
                figures.nanos.push(round(contender, requests).await);
            }
        }
        for (contender, figures) in contenders.iter_mut().zip(&mut figures) {
            count(contender, figures).await;
        }
    });
    for figures in &mut figures {
        figures.nanos.sort_by(f64::total_cmp);
    }
    figures
}

/// Requests are made beforehand and answers kept, so that only the service is
/// timed.
async fn round(contender: &mut Contender, requests: usize) -> f64 {
    let made: Vec<_> = (0..requests).map(|_| contender.request()).collect();
    let mut answers = Vec::with_capacity(requests);
    let start = Instant::now();
    for request in made {
        answers.push(contender.send(request).await);
    }
    let nanos = start.elapsed().as_nanos();
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    let per_request = nanos as f64 / requests as f64;
    per_request
}

async fn count(contender: &mut Contender, figures: &mut Figures) {
    const REQUESTS: u32 = 1_000;
    let made: Vec<_> = (0..REQUESTS).map(|_| contender.request()).collect();
    let region = Region::new(ALLOCATOR);
    for request in made {
        drop(contender.send(request).await);
    }
    let change = region.change();
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    let per_request = |n: usize| n as f64 / f64::from(REQUESTS);
    figures.allocations = per_request(change.allocations + change.reallocations);
    figures.bytes = per_request(change.bytes_allocated);
}
