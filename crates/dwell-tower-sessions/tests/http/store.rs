//! A store of tower-sessions that counts its calls and fails on demand.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{MemoryStore, SessionStore};

/// As the trait's own macro writes it.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Clones share everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counting {
    pub(crate) inner: MemoryStore,
    calls: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
}

impl Counting {
    /// Returns the number of calls since it was last asked.
    pub(crate) fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::Relaxed);
    }

    fn count(&self) -> Result<()> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match self.fails.load(Ordering::Relaxed) {
            true => Err(Error::Backend("down".to_owned())),
            false => Ok(()),
        }
    }
}

impl SessionStore for Counting {
    fn create<'s, 'r, 'a>(&'s self, record: &'r mut Record) -> Answer<'a, ()>
    where
        's: 'a,
        'r: 'a,
        Self: 'a,
    {
        Box::pin(async {
            self.count()?;
            self.inner.create(record).await
        })
    }

    fn save<'s, 'r, 'a>(&'s self, record: &'r Record) -> Answer<'a, ()>
    where
        's: 'a,
        'r: 'a,
        Self: 'a,
    {
        Box::pin(async {
            self.count()?;
            self.inner.save(record).await
        })
    }

    fn load<'s, 'i, 'a>(&'s self, id: &'i Id) -> Answer<'a, Option<Record>>
    where
        's: 'a,
        'i: 'a,
        Self: 'a,
    {
        Box::pin(async {
            self.count()?;
            self.inner.load(id).await
        })
    }

    fn delete<'s, 'i, 'a>(&'s self, id: &'i Id) -> Answer<'a, ()>
    where
        's: 'a,
        'i: 'a,
        Self: 'a,
    {
        Box::pin(async {
            self.count()?;
            self.inner.delete(id).await
        })
    }
}
