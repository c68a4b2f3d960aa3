//! All cases one after another in one test, for a store whose server starts too
//! slowly for one test per case.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::Runtime;

/// The server that all cases share, and their results.
pub struct InOne<S> {
    runtime: Runtime,
    server: S,
    passed: usize,
    failed: Vec<&'static str>,
}

impl<S> InOne<S> {
    /// Starts the server.
    ///
    /// # Panics
    /// If the system has no threads.
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

    /// Runs a case. A failure is recorded, and later cases still run.
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

    /// Stops the server.
    ///
    /// # Panics
    /// If any case failed, with the names of those that did.
    pub fn finish(self) {
        let Self { passed, failed, .. } = self;
        assert!(
            failed.is_empty(),
            "{passed} cases passed; these failed, in the order of the panics above: {failed:#?}"
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
