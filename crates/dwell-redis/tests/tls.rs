//! `rediss://`: a server is used only if its certificate is trusted.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test helper fails the test")]

mod support;

use std::fs;
use std::net::TcpListener;

use dwell_core::minutes;
use dwell_core::store::{SessionStore, Watched, Watcher};
use dwell_core::{SessionKey, Timestamp};
use dwell_redis::{ConnectError, RedisStore};
use dwell_servers::Redis;
use support::{found, start};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Starts a server with TLS. Returns it, its TLS port and its certificate.
async fn served() -> (Redis, u16, String) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let folder = std::env::temp_dir().join(format!("dwell-tls-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let builder = Redis::builder()
        .args(["--tls-port", &port.to_string(), "--tls-auth-clients", "no"])
        .arg("--tls-cert-file")
        .arg(&cert)
        .arg("--tls-key-file")
        .arg(&key);
    let server = builder.start().await.unwrap();
    fs::remove_dir_all(&folder).unwrap();
    (server, port, made.cert.pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn server_with_trusted_certificate_is_used_and_watched() {
    #[derive(Debug)]
    struct Once(UnboundedSender<()>);
    impl Watcher for Once {
        fn changed(&self, _: SessionKey) {}
        fn mark(&self) -> Timestamp {
            Timestamp::MIN
        }
        fn caught_up(&self, _: Timestamp) {
            let _ = self.0.send(());
        }
    }
    let (_server, port, cert) = served().await;
    let url = format!("rediss://localhost:{port}/");
    let store = RedisStore::builder().root_certificates(cert);
    let store = store.connect(&url).await.unwrap();
    let record = start(&store, 1, minutes(1)).await;
    assert_eq!(found(&store, record.key).await, Some(record.clone()));
    assert_eq!(store.list(record.subject.clone()).await.unwrap(), [record]);
    let (sender, mut receiver) = unbounded_channel();
    let watching = tokio::spawn(async move { store.watch(&Once(sender)).await });
    receiver.recv().await.unwrap();
    watching.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn server_with_untrusted_certificate_is_refused() {
    let (_server, port, _) = served().await;
    let url = format!("rediss://localhost:{port}/");
    let error = RedisStore::connect(&url).await.unwrap_err();
    assert!(matches!(error, ConnectError::Server { .. }), "{error}");
}
