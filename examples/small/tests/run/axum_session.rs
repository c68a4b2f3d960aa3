//! Beside another middleware: `axum-session`.

use crate::program::{refused, sign_in, start};

#[tokio::test]
async fn n97_axum_session_user_gets_back_in_after_idle_timeout() {
    let program = start!("axum-session").await;
    let browser = program.alice().await;
    for _ in 0..2 {
        assert_eq!(browser.visit("/").await.text(), "Hello alice");
        assert_eq!(refused(&browser, "/").await.reason(), "idle_timeout");
        sign_in(&browser).await;
    }
}

#[tokio::test]
async fn n103_axum_session_logout_ends_session() {
    let program = start!("axum-session").await;
    let browser = program.alice().await;
    assert_eq!(browser.visit("/logout").await.location(), "/login");
    assert_eq!(browser.fetch("/").await.reason(), "session_required");
    sign_in(&browser).await;
    assert_eq!(browser.visit("/").await.text(), "Hello alice");
}
