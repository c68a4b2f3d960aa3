//! All cases one after another in one test, for a store whose server is too
//! slow to start for a test of its own each.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::Runtime;

/// The server that all cases share, and how they went.
pub struct InOne<S> {
    runtime: Runtime,
    server: S,
    passed: usize,
    failed: Vec<&'static str>,
}

impl<S> InOne<S> {
    /// Starts what all cases share.
    ///
    /// # Panics
    /// When the system has no threads.
    pub fn start(start: impl AsyncFnOnce() -> S) -> Self {
        let runtime = super::runtime();
        let server = runtime.block_on(start());
        Self {
            runtime,
            server,
            passed: 0,
            failed: Vec::new(),
        }
    }

    /// Runs a case. One that fails says so, and does not keep others from
    /// being run.
    pub fn run<T>(
        &mut self,
        name: &'static str,
        make: impl AsyncFnOnce(&S) -> T,
        case: impl AsyncFnOnce(T),
    ) {
        let (runtime, server) = (&self.runtime, &self.server);
        let run = || runtime.block_on(async { case(make(server).await).await });
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(()) => self.passed += 1,
            Err(_) => self.failed.push(name),
        }
    }

    /// Stops what all cases shared, and says which of them failed.
    ///
    /// # Panics
    /// When any did.
    pub fn finish(self) {
        let Self { passed, failed, .. } = self;
        assert!(
            failed.is_empty(),
            "{passed} cases passed, and these failed, in the order of the panics above: {failed:#?}"
        );
    }
}

impl<S> fmt::Debug for InOne<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InOne")
            .field("passed", &self.passed)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
