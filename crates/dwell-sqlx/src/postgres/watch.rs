//! Changes made by other nodes, by `LISTEN` and `NOTIFY`.

use std::convert::Infallible;

use dwell_core::SessionKey;
use dwell_core::store::{BoxedAnswer, Watched, Watcher};
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::{MissedTickBehavior, interval};

use super::store::PostgresStore;
use crate::error::store_error;

impl Watched for PostgresStore {
    fn watch<'a>(&'a self, watcher: &'a dyn Watcher) -> BoxedAnswer<'a, Infallible> {
        Box::pin(async move { Err(store_error(self.listen(watcher).await)) })
    }
}

impl PostgresStore {
    /// Listens until the connection is lost. Returns the error.
    async fn listen(&self, watcher: &dyn Watcher) -> sqlx::Error {
        match self.try_listen(watcher).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn try_listen(&self, watcher: &dyn Watcher) -> Result<Infallible, sqlx::Error> {
        // A separate connection, since it is never returned to the pool.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(self.0.pool.options().get_acquire_timeout())
            .connect_with((*self.0.pool.connect_options()).clone())
            .await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(&self.0.channel).await?;
        let mut pulse = interval(watcher.pulse());
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pulse.tick().await;
            let mark = watcher.mark();
            // The server sends its notifications before it is ready for another
            // query. The listener reconnects silently only while it waits for a
            // notification, and that is never asked of it: a lost connection is
            // an error here.
            sqlx::query("SELECT 1").execute(&mut listener).await?;
            while let Some(notification) = listener.next_buffered() {
                match parse_key(notification.payload()) {
                    Some(key) => watcher.changed(key),
                    None => tracing::warn!(
                        "a notification names no session and is ignored: another program sent it"
                    ),
                }
            }
            watcher.caught_up(mark);
        }
    }
}

/// Reads the output of `encode(key, 'hex')`.
fn parse_key(hex: &str) -> Option<SessionKey> {
    let is_hex = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    let bits = is_hex.then(|| u128::from_str_radix(hex, 16).ok())??;
    Some(SessionKey::from_bytes(bits.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_parses_as_key() {
        let key = parse_key("000102030405060708090a0b0c0d0e0f");
        let bytes = std::array::from_fn(|n| u8::try_from(n).unwrap());
        assert_eq!(key, Some(SessionKey::from_bytes(bytes)));
        for other in ["", "00", "+00102030405060708090a0b0c0d0e0f", "zz"] {
            assert_eq!(parse_key(other), None);
        }
    }
}
