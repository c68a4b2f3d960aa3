//! A macro for stores around other stores.

/// Forwards every method of [`SessionStore`](crate::store::SessionStore) to an
/// inner store, for use inside the `impl` block of a store around another one.
///
/// | form | forwards |
/// |---|---|
/// | `delegate_store!(self => self.inner)` | every method |
/// | `delegate_store!(self => self.inner, except load, end)` | every method but those named |
/// | `delegate_store!(self => self.inner, only now, list)` | those named |
///
/// A method that is not forwarded is written by hand, or keeps the trait's
/// default where the trait has one. Prefer `except`: a store that forgets to
/// forward [`watched`](crate::store::SessionStore::watched) makes open
/// connections poll.
///
/// ```
/// use std::sync::Arc;
///
/// use dwell_core::delegate_store;
/// use dwell_core::store::{End, SessionStore, StoreFuture};
/// use dwell_core::{EndedSession, SessionKey};
///
/// /// Prints every end.
/// #[derive(Debug)]
/// struct PrintEnds {
///     inner: Arc<dyn SessionStore>,
/// }
///
/// impl SessionStore for PrintEnds {
///     delegate_store!(self => self.inner, except end);
///
///     fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
///         println!("ending {key:?}: {:?}", end.reason);
///         self.inner.end(key, end)
///     }
/// }
/// ```
///
/// With `through`, each answer passes through a method of the outer store. That
/// method receives the operation's name, and a function that asks the inner
/// store. `is_local`, `tombstone_lifetime`, `remembers_since` and `watched` are
/// forwarded directly.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use dwell_core::delegate_store;
/// use dwell_core::store::{SessionStore, StoreFuture};
///
/// /// Counts look-ups.
/// #[derive(Debug)]
/// struct CountLoads {
///     inner: Arc<dyn SessionStore>,
///     loads: AtomicUsize,
/// }
///
/// impl CountLoads {
///     fn count<'a, T>(
///         &'a self,
///         operation: &'static str,
///         ask: impl FnOnce() -> StoreFuture<'a, T>,
///     ) -> StoreFuture<'a, T> {
///         if operation == "load" {
///             self.loads.fetch_add(1, Ordering::Relaxed);
///         }
///         ask()
///     }
/// }
///
/// impl SessionStore for CountLoads {
///     delegate_store!(self => self.inner, through count);
/// }
/// ```
#[macro_export]
macro_rules! delegate_store {
    ($self:ident => $inner:expr $(, through $through:ident)? $(, except $($own:ident),+)?) => {
        $crate::__delegate! { except [$($($own)+)?] [$self [$($through)?] $inner] {
            now load load_uncopied create touch update count_failure end end_many touch_and_load list
            reap acknowledge is_local tombstone_lifetime remembers_since
            watched
        } }
    };
    ($self:ident => $inner:expr $(, through $through:ident)?, only $($method:ident),+) => {
        $crate::__delegate! { only [$self [$($through)?] $inner] { $($method)+ } }
    };
}

/// Three steps: which methods, their signatures, how the inner store is asked.
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate {
    (only $to:tt { $($method:ident)+ }) => {
        $($crate::__delegate! { method $method $to })+
    };

    (except $own:tt $to:tt { $($method:ident)+ }) => {
        $($crate::__delegate! { unless $method $own $to })+
    };
    (unless now [now $($own:ident)*] $to:tt) => {};
    (unless load [load $($own:ident)*] $to:tt) => {};
    (unless load_uncopied [load_uncopied $($own:ident)*] $to:tt) => {};
    (unless create [create $($own:ident)*] $to:tt) => {};
    (unless touch [touch $($own:ident)*] $to:tt) => {};
    (unless update [update $($own:ident)*] $to:tt) => {};
    (unless count_failure [count_failure $($own:ident)*] $to:tt) => {};
    (unless end [end $($own:ident)*] $to:tt) => {};
    (unless end_many [end_many $($own:ident)*] $to:tt) => {};
    (unless touch_and_load [touch_and_load $($own:ident)*] $to:tt) => {};
    (unless list [list $($own:ident)*] $to:tt) => {};
    (unless reap [reap $($own:ident)*] $to:tt) => {};
    (unless acknowledge [acknowledge $($own:ident)*] $to:tt) => {};
    (unless is_local [is_local $($own:ident)*] $to:tt) => {};
    (unless tombstone_lifetime [tombstone_lifetime $($own:ident)*] $to:tt) => {};
    (unless remembers_since [remembers_since $($own:ident)*] $to:tt) => {};
    (unless watched [watched $($own:ident)*] $to:tt) => {};
    (unless $method:ident [$other:ident $($own:ident)*] $to:tt) => {
        $crate::__delegate! { unless $method [$($own)*] $to }
    };
    (unless $method:ident [] $to:tt) => {
        $crate::__delegate! { method $method $to }
    };

    (method now $to:tt) => {
        $crate::__delegate! { ask $to now() -> $crate::Timestamp }
    };
    (method load $to:tt) => {
        $crate::__delegate! { ask $to load(key: $crate::SessionKey) -> $crate::store::Loaded }
    };
    (method load_uncopied $to:tt) => {
        $crate::__delegate! {
            ask $to load_uncopied(key: $crate::SessionKey) -> $crate::store::Loaded
        }
    };
    (method create $to:tt) => {
        $crate::__delegate! {
            ask $to create(
                record: $crate::SessionRecord,
                quota: Option<$crate::store::Quota>,
                due: $crate::store::DuePolicy,
            ) -> $crate::store::Created
        }
    };
    (method touch $to:tt) => {
        $crate::__delegate! {
            ask $to touch(key: $crate::SessionKey, touch: $crate::engine::Touch)
                -> $crate::store::TouchOutcome
        }
    };
    (method update $to:tt) => {
        $crate::__delegate! {
            ask $to update(key: $crate::SessionKey, version: u32, update: $crate::store::Update)
                -> $crate::store::Updated
        }
    };
    (method count_failure $to:tt) => {
        $crate::__delegate! { ask $to count_failure(key: $crate::SessionKey) -> Option<u8> }
    };
    (method end $to:tt) => {
        $crate::__delegate! {
            ask $to end(key: $crate::SessionKey, end: $crate::store::End)
                -> Option<$crate::EndedSession>
        }
    };
    (method end_many $to:tt) => {
        $crate::__delegate! {
            ask $to end_many(keys: Vec<$crate::SessionKey>, reason: $crate::EndReason)
                -> Vec<$crate::EndedSession>
        }
    };
    (method touch_and_load $to:tt) => {
        $crate::__delegate! {
            ask $to touch_and_load(key: $crate::SessionKey, touch: $crate::engine::Touch)
                -> ($crate::store::TouchOutcome, $crate::store::Loaded)
        }
    };
    (method list $to:tt) => {
        $crate::__delegate! {
            ask $to list(subject: $crate::SubjectId) -> Vec<$crate::SessionRecord>
        }
    };
    (method reap $to:tt) => {
        $crate::__delegate! {
            ask $to reap(due: $crate::store::DuePolicy, batch: usize) -> $crate::store::Reaped
        }
    };
    (method acknowledge $to:tt) => {
        $crate::__delegate! { ask $to acknowledge(keys: Vec<$crate::SessionKey>) -> () }
    };
    (method is_local [$self:ident $through:tt $inner:expr]) => {
        fn is_local(&$self) -> bool {
            $inner.is_local()
        }
    };
    (method tombstone_lifetime [$self:ident $through:tt $inner:expr]) => {
        fn tombstone_lifetime(&$self) -> ::std::time::Duration {
            $inner.tombstone_lifetime()
        }
    };
    (method remembers_since [$self:ident $through:tt $inner:expr]) => {
        fn remembers_since(&$self) -> Option<$crate::Timestamp> {
            $inner.remembers_since()
        }
    };
    (method watched [$self:ident $through:tt $inner:expr]) => {
        fn watched(&$self) -> Option<&dyn $crate::store::Watched> {
            $inner.watched()
        }
    };

    (
        ask [$self:ident [] $inner:expr]
        $method:ident($($argument:ident: $type:ty),* $(,)?) -> $answer:ty
    ) => {
        fn $method(&$self $(, $argument: $type)*) -> $crate::store::StoreFuture<'_, $answer> {
            $inner.$method($($argument),*)
        }
    };
    (
        ask [$self:ident [$through:ident] $inner:expr]
        $method:ident($($argument:ident: $type:ty),* $(,)?) -> $answer:ty
    ) => {
        fn $method(&$self $(, $argument: $type)*) -> $crate::store::StoreFuture<'_, $answer> {
            $self.$through(stringify!($method), move || $inner.$method($($argument),*))
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_store_method_can_be_forwarded_and_excepted() {
        let store = include_str!("mod.rs");
        let (_, store) = store
            .split_once("pub trait SessionStore")
            .unwrap_or_default();
        let (store, _) = store.split_once("\n}\n").unwrap_or_default();
        let methods = store.split("\n    fn ").skip(1);
        let methods: Vec<_> = methods.filter_map(|text| text.split('(').next()).collect();
        assert!(methods.len() > 10, "{methods:?}");

        let (all, steps) = include_str!("delegate.rs")
            .split_once("macro_rules! __delegate")
            .unwrap_or_default();
        for method in methods {
            assert!(
                all.split_whitespace().any(|word| word == method),
                "{method}"
            );
            assert!(
                steps.contains(&format!("(unless {method} [{method} ")),
                "{method}"
            );
            assert!(steps.contains(&format!("(method {method} ")), "{method}");
        }
    }
}
