//! The library, served on a custom store.

use dwell_axum::{ManualClock, SessionManager, seconds};
use dwell_sqlx::SqliteStore;
use dwell_tests::Browser;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

// A touch waits to be sent together with the session's next request.
#[tokio::test]
async fn last_click_before_stop_counts() {
    let name = format!("bank-last-click-{}.db", std::process::id());
    let path = std::env::temp_dir().join(name);
    let clock = ManualClock::new();
    let store = SqliteStore::builder().with_clock(clock.clone());
    let store = store.open(&path).await.unwrap();
    let policies = bank::built_in_policies().unwrap();
    let sessions = SessionManager::builder(store, policies).build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let browser = Browser::new(listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = bank::Bank::new(&sessions).serve(listener, async {
        let _ = stopped.await;
    });
    let serving = tokio::spawn(serving);

    let login = r#"{"username":"alice","password":"demo-password"}"#;
    assert_eq!(browser.post("/login", login).await.status, 200);
    clock.advance(seconds(5));
    assert_eq!(browser.fetch("/api/balance").await.status, 200);
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    let facts = &sessions.list(&"alice".into()).await.unwrap()[0].facts;
    assert_eq!(facts.last_active_at - facts.created_at, seconds(5));

    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}
