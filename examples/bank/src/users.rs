//! The two people who bank here. A real service keeps salted, slow hashes of
//! passwords; this one prints the password on its login page.

/// Everybody's password.
pub const PASSWORD: &str = "demo-password";

/// Everybody who banks here.
pub const USERS: [&str; 2] = ["alice", "bob"];

/// The user, if the password is theirs. Takes as long for a name that does
/// not exist as for one that does.
pub(crate) fn authenticate(name: &str, password: &str) -> Option<&'static str> {
    let good = is_same(password.as_bytes(), PASSWORD.as_bytes());
    let user = USERS.into_iter().find(|user| *user == name);
    user.filter(|_| good)
}

/// Compares all bytes, so that the time taken does not tell how many are
/// right.
fn is_same(given: &[u8], wanted: &[u8]) -> bool {
    let differences = given
        .iter()
        .zip(wanted)
        .fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(differences) == 0 && given.len() == wanted.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_of_a_known_user_will_do() {
        assert_eq!(authenticate("alice", PASSWORD), Some("alice"));
        for (name, password) in [
            ("alice", "demo-passworD"),
            ("alice", "demo-passwor"),
            ("alice", "demo-password "),
            ("alice", ""),
            ("Alice", PASSWORD),
            ("mallory", PASSWORD),
            ("", ""),
        ] {
            assert_eq!(authenticate(name, password), None, "{name:?} {password:?}");
        }
    }
}
