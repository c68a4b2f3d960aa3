//! A transaction that may be dropped at any time.
//!
//! The transaction of sqlx 0.9.0 may not. Dropped while `BEGIN` is on its way,
//! it returns its connection to the pool inside a transaction. What later
//! requests do on that connection, an end for instance, is then never
//! committed.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool, Postgres};

/// A connection inside a transaction. Returned to the pool after commit or
/// rollback; closed otherwise, so the server rolls back.
#[derive(Debug)]
pub(super) struct Within {
    connection: PoolConnection<Postgres>,
    is_over: bool,
}

impl Within {
    pub(super) async fn begin(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let mut within = Self {
            connection: pool.acquire().await?,
            is_over: false,
        };
        within.run("BEGIN").await?;
        Ok(within)
    }

    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.run("COMMIT").await?;
        self.is_over = true;
        Ok(())
    }

    pub(super) async fn rollback(mut self) -> Result<(), sqlx::Error> {
        self.run("ROLLBACK").await?;
        self.is_over = true;
        Ok(())
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let done = sqlx::raw_sql(statement).execute(&mut *self.connection);
        done.await.map(drop)
    }
}

impl Deref for Within {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Within {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        if !self.is_over {
            self.connection.close_on_drop();
        }
    }
}
