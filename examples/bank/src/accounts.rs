//! Accounts in memory: balances and messages.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::money::Cents;
use crate::users::USERS;

/// How many messages are kept per account.
const MESSAGES: usize = 5;

/// All accounts. Clones share them.
#[derive(Clone)]
pub(crate) struct Accounts(Arc<Mutex<BTreeMap<&'static str, Account>>>);

#[derive(Clone)]
struct Account {
    balance: Cents,
    messages: VecDeque<String>,
}

/// Why a transfer was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransferError {
    InsufficientFunds,
    OwnAccount,
    UnknownRecipient,
}

impl Accounts {
    pub(crate) fn new() -> Self {
        let account = Account {
            balance: Cents::new(123_450),
            messages: VecDeque::from(["Welcome to the Dwell Bank.".to_owned()]),
        };
        let accounts = USERS.map(|user| (user, account.clone()));
        Self(Arc::new(Mutex::new(BTreeMap::from(accounts))))
    }

    pub(crate) fn balance(&self, user: &str) -> Option<Cents> {
        self.lock().get(user).map(|account| account.balance)
    }

    /// Returns the latest messages, newest first.
    pub(crate) fn messages(&self, user: &str) -> Vec<String> {
        let accounts = self.lock();
        let account = accounts.get(user);
        account.map_or(Vec::new(), |a| a.messages.iter().cloned().collect())
    }

    /// Moves money and leaves the recipient a message, with the sender's note if
    /// there is one. Returns the sender's new balance. An error moves nothing.
    pub(crate) fn transfer(
        &self,
        from: &str,
        to: &str,
        amount: Cents,
        note: &str,
    ) -> Result<Cents, TransferError> {
        if from == to {
            return Err(TransferError::OwnAccount);
        }
        let mut accounts = self.lock();
        let balance = |user| accounts.get(user).map(|account| account.balance);
        let target = balance(to).ok_or(TransferError::UnknownRecipient)?;
        // A sender without an account has no funds.
        let source = balance(from).and_then(|b| b.checked_sub(amount));
        let source = source.ok_or(TransferError::InsufficientFunds)?;
        let target = target
            .checked_add(amount)
            .ok_or(TransferError::UnknownRecipient)?;
        if let Some(sender) = accounts.get_mut(from) {
            sender.balance = source;
        }
        if let Some(recipient) = accounts.get_mut(to) {
            recipient.balance = target;
            let message = match note {
                "" => format!("{from} sent you €{amount}."),
                note => format!("{from} sent you €{amount}: {note}"),
            };
            recipient.messages.push_front(message);
            recipient.messages.truncate(MESSAGES);
        }
        Ok(source)
    }

    /// Locks, ignoring poisoning: no code under the lock panics half-way.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Account>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(accounts: &Accounts) -> u64 {
        USERS
            .iter()
            .map(|user| accounts.balance(user).unwrap().get())
            .sum()
    }

    #[test]
    fn transfers_keep_total() {
        let accounts = Accounts::new();
        let before = total(&accounts);
        std::thread::scope(|scope| {
            for (from, to) in [("alice", "bob"), ("bob", "alice"), ("alice", "bob")] {
                let accounts = accounts.clone();
                scope.spawn(move || {
                    for cents in 0..500 {
                        let _ = accounts.transfer(from, to, Cents::new(cents * 7), "");
                    }
                });
            }
        });
        assert_eq!(total(&accounts), before);
    }

    #[test]
    fn refused_transfer_moves_nothing() {
        let accounts = Accounts::new();
        let all = accounts.balance("alice").unwrap();
        let more = all.checked_add(Cents::new(1)).unwrap();
        for (from, to, amount, error) in [
            ("alice", "alice", all, TransferError::OwnAccount),
            ("alice", "carol", all, TransferError::UnknownRecipient),
            ("alice", "bob", more, TransferError::InsufficientFunds),
            ("carol", "bob", all, TransferError::InsufficientFunds),
        ] {
            assert_eq!(accounts.transfer(from, to, amount, ""), Err(error));
        }
        assert_eq!(accounts.balance("alice"), Some(all));
        let left = accounts.transfer("alice", "bob", all, "");
        assert_eq!(left, Ok(Cents::new(0)));
    }

    #[test]
    fn recipient_gets_message_and_old_ones_are_dropped() {
        let accounts = Accounts::new();
        for cents in 1..10 {
            accounts
                .transfer("alice", "bob", Cents::new(cents), "")
                .unwrap();
        }
        let thanks = accounts.transfer("alice", "bob", Cents::new(10), "thanks");
        assert!(thanks.is_ok());
        let messages = accounts.messages("bob");
        assert_eq!(messages.len(), MESSAGES);
        assert_eq!(messages[0], "alice sent you €0.10: thanks");
        assert_eq!(messages[1], "alice sent you €0.09.");
    }
}
