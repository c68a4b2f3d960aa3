//! The answer of a store: there at once, or in a box.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::StoreError;

/// A store's answer in a box.
pub type BoxedAnswer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store's answer to come.
///
/// A store in memory answers at once and allocates nothing; one behind a
/// network boxes its future. This keeps [`SessionStore`](super::SessionStore)
/// usable as `dyn` without a second trait.
#[must_use = "a store does nothing until its answer is awaited"]
pub struct StoreFuture<'a, T>(State<'a, T>);

enum State<'a, T> {
    Ready(Option<Result<T, StoreError>>),
    Boxed(BoxedAnswer<'a, T>),
}

impl<'a, T: 'a> StoreFuture<'a, T> {
    /// An answer that is there already.
    pub fn ready(answer: Result<T, StoreError>) -> Self {
        Self(State::Ready(Some(answer)))
    }

    /// The answer if it is there already, else what has to be waited for.
    ///
    /// # Errors
    /// The future, where there is no answer yet.
    pub fn into_ready(self) -> Result<Result<T, StoreError>, BoxedAnswer<'a, T>> {
        match self.0 {
            State::Ready(Some(answer)) => Ok(answer),
            State::Ready(None) => Err(Box::pin(std::future::pending::<Result<T, StoreError>>())),
            State::Boxed(future) => Err(future),
        }
    }

    /// The answer if it is there already, where it is: to move it out of all
    /// that is around it takes several copies.
    #[must_use]
    pub fn as_ready(&self) -> Option<&Result<T, StoreError>> {
        match &self.0 {
            State::Ready(answer) => answer.as_ref(),
            State::Boxed(_) => None,
        }
    }

    /// An answer that has to be waited for.
    pub fn boxed(future: impl Future<Output = Result<T, StoreError>> + Send + 'a) -> Self {
        Self(State::Boxed(Box::pin(future)))
    }
}

// The answer is never pinned: it is moved out when it is ready.
impl<T> Unpin for StoreFuture<'_, T> {}

impl<T> Future for StoreFuture<'_, T> {
    type Output = Result<T, StoreError>;

    // Whoever looks up or touches asks whether the answer is there; what waits
    // for it has some twenty places that do.
    #[inline(never)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(answer) => match answer.take() {
                Some(answer) => Poll::Ready(answer),
                // Polled after it was done: pending for ever, as no value is left.
                None => Poll::Pending,
            },
            State::Boxed(future) => future.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for StoreFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Ready(_) => "StoreFuture(ready)",
            State::Boxed(_) => "StoreFuture(boxed)",
        })
    }
}
