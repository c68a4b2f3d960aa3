//! What other nodes changed, as the server tells of it.

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
    /// Listens until the connection is lost, and tells why it was.
    async fn listen(&self, watcher: &dyn Watcher) -> sqlx::Error {
        match self.try_listen(watcher).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn try_listen(&self, watcher: &dyn Watcher) -> Result<Infallible, sqlx::Error> {
        // A connection of its own, which no request waits for.
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
            // The server sends what it has to tell before it is ready for
            // another query. The listener connects anew only when it is asked
            // to wait for the next notification, which it never is: what would
            // be missed in between is an error here.
            sqlx::query("SELECT 1").execute(&mut listener).await?;
            while let Some(notification) = listener.next_buffered() {
                match parse_key(notification.payload()) {
                    Some(key) => watcher.changed(key),
                    None => tracing::warn!("a notification names no session and is passed over"),
                }
            }
            watcher.caught_up(mark);
        }
    }
}

/// Reads what `encode(key, 'hex')` wrote.
fn parse_key(hex: &str) -> Option<SessionKey> {
    let is_hex = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    let bits = is_hex.then(|| u128::from_str_radix(hex, 16).ok())??;
    Some(SessionKey::from_bytes(bits.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_nothing_else_does() {
        let key = parse_key("000102030405060708090a0b0c0d0e0f");
        let bytes = std::array::from_fn(|n| u8::try_from(n).unwrap());
        assert_eq!(key, Some(SessionKey::from_bytes(bytes)));
        for other in ["", "00", "+00102030405060708090a0b0c0d0e0f", "zz"] {
            assert_eq!(parse_key(other), None);
        }
    }
}
