//! Counts the allocations of rows. A program of its own, since the counting
//! allocator would slow down whatever else is measured.

use std::alloc::System;
use std::process::ExitCode;

use dwell_bench::Allocated;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    dwell_bench::count_allocations(|| {
        let stats = ALLOCATOR.stats();
        Allocated {
            allocations: stats.allocations + stats.reallocations,
            bytes: stats.bytes_allocated,
        }
    })
}
