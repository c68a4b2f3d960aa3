//! The users: names and argon2 hashes of passwords, in a TOML file.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use toml::Spanned;

use crate::config::ConfigError;

/// How many passwords are checked at once: each takes 19 MiB by default.
const AT_ONCE: usize = 4;

/// The longest password that is looked at, in bytes.
const MAX_PASSWORD: usize = 1_024;

/// Names and hashes.
pub(crate) type Table = BTreeMap<String, String>;

/// The users. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    table: Arc<ArcSwap<Table>>,
    checking: Arc<Semaphore>,
}

impl Users {
    pub(crate) fn new(table: Table) -> Self {
        Self {
            table: Arc::new(ArcSwap::from_pointee(table)),
            checking: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Replaces the users. Returns those who are there no more.
    pub(crate) fn replace(&self, table: Table) -> Vec<String> {
        let before = self.table.swap(Arc::new(table));
        let now = self.table.load();
        let gone = before.keys().filter(|name| !now.contains_key(*name));
        gone.cloned().collect()
    }

    pub(crate) fn table(&self) -> Table {
        Table::clone(&self.table.load())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.table.load().keys().cloned().collect()
    }

    /// Checks a password. An unknown name takes as long as a known one.
    pub(crate) async fn authenticate(&self, name: &str, password: String) -> bool {
        let table = self.table.load_full();
        let known = table.get(name);
        let Some(hash) = known.or_else(|| table.values().next()).cloned() else {
            return false;
        };
        if password.len() > MAX_PASSWORD {
            return false;
        }
        let permit = Arc::clone(&self.checking).acquire_owned().await;
        let check = move || {
            // Also while nobody waits for this any more. The semaphore is never closed.
            let _permit = permit;
            let hash = PasswordHash::new(&hash).ok()?;
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .ok()
        };
        let checked = tokio::task::spawn_blocking(check).await;
        checked.is_ok_and(|good| good.is_some()) && known.is_some()
    }
}

/// Reads the users file.
pub(crate) fn parse(file: &str, text: &str) -> Result<Table, ConfigError> {
    let table: BTreeMap<String, Spanned<String>> =
        toml::from_str(text).map_err(|error| ConfigError::of_toml(file, text, &error))?;
    for (name, hash) in &table {
        let at = |message: &str| ConfigError::at(file, text, hash.span().start, name, message);
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._@+".contains(&b);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
            return Err(at(
                "a name has 1 to 64 letters, digits, `-`, `.`, `_`, `@` or `+`",
            ));
        }
        let read = PasswordHash::new(hash.as_ref());
        if !read.is_ok_and(|hash| hash.algorithm.as_str().starts_with("argon2")) {
            return Err(at(
                "is no argon2 hash; write what `gateway hash-password` prints",
            ));
        }
    }
    if table.is_empty() {
        let message = "has no users: write lines such as `alice = \"$argon2id$…\"`";
        return Err(ConfigError::at(file, text, 0, "users", message));
    }
    let plain = |(name, hash): (String, Spanned<String>)| (name, hash.into_inner());
    Ok(table.into_iter().map(plain).collect())
}

/// Returns the hash of a password, for a line of the users file.
pub(crate) fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    let hash = Argon2::default().hash_password(password.as_bytes())?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_right_password_of_known_user_is_accepted() {
        let table = Table::from([("alice".to_owned(), hash("correct horse").unwrap())]);
        let users = Users::new(table);
        let check =
            async |name: &str, password: &str| users.authenticate(name, password.to_owned()).await;
        assert!(check("alice", "correct horse").await);
        assert!(!check("alice", "correct horsE").await);
        assert!(!check("mallory", "correct horse").await);
        assert!(!check("alice", "").await);
        assert_eq!(users.replace(Table::new()), ["alice"]);
        assert!(!check("alice", "correct horse").await);
    }

    #[test]
    fn bad_users_file_names_line_and_key() {
        for (text, error) in [
            ("", "users.toml:1: users: has no users"),
            (
                "\nalice = \"secret\"",
                "users.toml:2: alice: is no argon2 hash",
            ),
            ("alice = 5", "users.toml:1: alice: invalid type"),
            ("\"a b\" = \"x\"", "users.toml:1: a b: a name has"),
            (
                "alice = \"a\"\nalice = \"b\"",
                "users.toml:2: alice: duplicate key",
            ),
        ] {
            let found = parse("users.toml", text).unwrap_err().to_string();
            assert!(found.starts_with(error), "{found}");
            assert!(!found.contains("secret"), "{found}");
        }
    }
}
