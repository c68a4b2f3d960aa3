//! The answer of a store: there at once, or in a box.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::StoreError;

/// A store's answer in a box.
pub type BoxedAnswer<'a, T, E = StoreError> =
    Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A store's answer to come.
///
/// A store in memory answers at once and allocates nothing; one behind a
/// network boxes its future. This keeps [`SessionStore`](super::SessionStore)
/// usable as `dyn` without a second trait.
#[must_use = "a store does nothing until its answer is awaited"]
pub struct StoreFuture<'a, T, E = StoreError>(State<'a, T, E>);

enum State<'a, T, E> {
    Ready(Option<Result<T, E>>),
    Boxed(BoxedAnswer<'a, T, E>),
}

impl<'a, T: 'a, E: 'a> StoreFuture<'a, T, E> {
    /// An answer that is there already.
    pub fn ready(answer: Result<T, E>) -> Self {
        Self(State::Ready(Some(answer)))
    }

    /// The answer if it is there already, else what has to be waited for.
    ///
    /// # Errors
    /// The future, where there is no answer yet.
    pub fn into_ready(self) -> Result<Result<T, E>, BoxedAnswer<'a, T, E>> {
        match self.0 {
            State::Ready(Some(answer)) => Ok(answer),
            State::Ready(None) => Err(Box::pin(std::future::pending::<Result<T, E>>())),
            State::Boxed(future) => Err(future),
        }
    }

    /// An answer that has to be waited for.
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
                // Polled after it was done: no value is left to give.
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
