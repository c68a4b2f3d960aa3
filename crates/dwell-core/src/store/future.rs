//! The answer of a store: ready at once, or a boxed future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::StoreError;

/// A store's answer as a boxed future.
pub type BoxedAnswer<'a, T, E = StoreError> =
    Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A store's answer, ready or to be awaited.
///
/// A store in memory answers at once, without an allocation; one behind a
/// network boxes its future. [`SessionStore`](super::SessionStore) is usable as
/// `dyn` with it.
#[must_use = "a store does nothing until its answer is awaited"]
pub struct StoreFuture<'a, T, E = StoreError>(State<'a, T, E>);

enum State<'a, T, E> {
    Ready(Option<Result<T, E>>),
    Boxed(BoxedAnswer<'a, T, E>),
}

impl<'a, T: 'a, E: 'a> StoreFuture<'a, T, E> {
    /// Returns a future that is ready with this answer.
    pub fn ready(answer: Result<T, E>) -> Self {
        Self(State::Ready(Some(answer)))
    }

    /// Returns the answer if it is ready.
    ///
    /// # Errors
    /// Returns the future to await if the answer is not ready.
    pub fn into_ready(self) -> Result<Result<T, E>, BoxedAnswer<'a, T, E>> {
        match self.0 {
            State::Ready(Some(answer)) => Ok(answer),
            State::Ready(None) => Err(Box::pin(std::future::pending::<Result<T, E>>())),
            State::Boxed(future) => Err(future),
        }
    }

    /// Returns the answer if it is ready, where it is: moving a session copies it.
    pub fn peek(&self) -> Option<&Result<T, E>> {
        match &self.0 {
            State::Ready(answer) => answer.as_ref(),
            State::Boxed(_) => None,
        }
    }

    /// Boxes a future.
    pub fn boxed(future: impl Future<Output = Result<T, E>> + Send + 'a) -> Self {
        Self(State::Boxed(Box::pin(future)))
    }
}

// The answer is never pinned: it is moved out when it is ready.
impl<T, E> Unpin for StoreFuture<'_, T, E> {}

impl<T, E> Future for StoreFuture<'_, T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(answer) => match answer.take() {
                Some(answer) => Poll::Ready(answer),
                // Polled after completion: the answer was already taken.
                None => Poll::Pending,
            },
            State::Boxed(future) => future.as_mut().poll(cx),
        }
    }
}

impl<T, E> fmt::Debug for StoreFuture<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Ready(_) => "StoreFuture(ready)",
            State::Boxed(_) => "StoreFuture(boxed)",
        })
    }
}
