//! The two users. A real service stores salted, slow hashes of passwords; this one
//! prints the password on its login page.

/// The password of all users.
pub const PASSWORD: &str = "demo-password";

/// The names of all users.
pub const USERS: [&str; 2] = ["alice", "bob"];

/// Returns the user if the password is right. Unknown names take as long as known
/// ones.
pub(crate) fn authenticate(name: &str, password: &str) -> Option<&'static str> {
    let good = is_same(password.as_bytes(), PASSWORD.as_bytes());
    let user = USERS.into_iter().find(|user| *user == name);
    user.filter(|_| good)
}

/// Compares all bytes, so that the time taken does not reveal how many are right.
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
    fn only_right_password_of_known_user_is_accepted() {
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
