//! Calls of a real client over a real connection.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test helper fails the test"
)]

use std::net::SocketAddr;
use std::time::Duration;

use dwell_core::store::SessionStore;
use dwell_core::{ManualClock, PolicySet, SessionManager, Timeouts, hours, minutes, seconds};
use dwell_memory::MemoryStore;
use dwell_testkit::FaultyStore;
use grpc::Bank;
use grpc::proto::accounts_client::AccountsClient;
use grpc::proto::accounts_server::AccountsServer;
use grpc::proto::*;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tower::util::MapRequestLayer;

/// The service on a free port, until this is dropped.
struct Served {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Served {
    async fn over(store: impl SessionStore, idle: Duration) -> Self {
        let absolute = hours(8);
        let policies = PolicySet::simple(Timeouts { idle, absolute }).unwrap();
        let manager = SessionManager::builder(store, policies).build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let server = Server::builder()
                .layer(grpc::sessions(&manager))
                .layer(MapRequestLayer::new(grpc::mark))
                .add_service(AccountsServer::new(Bank));
            let incoming = TcpListenerStream::new(listener);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, serving }
    }

    async fn alice(&self) -> Alice {
        let channel = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        let channel = channel.connect().await.unwrap();
        let mut client = AccountsClient::new(channel.clone());
        let name = "alice".to_owned();
        let answer = client.sign_in(SignInRequest { name }).await.unwrap();
        let token = answer.into_inner().token;
        Alice {
            client,
            channel,
            token,
        }
    }
}

struct Alice {
    client: AccountsClient<Channel>,
    channel: Channel,
    token: String,
}

impl Alice {
    fn call<T>(&self, message: T) -> Request<T> {
        let mut call = Request::new(message);
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        call.metadata_mut().insert("authorization", bearer);
        call
    }

    async fn balance(&mut self) -> Result<String, Status> {
        let answer = self.client.balance(self.call(BalanceRequest {})).await?;
        Ok(answer.into_inner().owner)
    }

    async fn news(&mut self) -> Result<u32, Status> {
        let answer = self.client.news(self.call(NewsRequest {})).await?;
        Ok(answer.into_inner().unread)
    }

    /// Calls a method that the service does not have.
    async fn nothing(&self) -> Status {
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.unwrap();
        let path = PathAndQuery::from_static("/bank.Accounts/Nothing");
        let codec = ProstCodec::<BalanceRequest, BalanceReply>::default();
        let answer = client
            .unary(self.call(BalanceRequest {}), path, codec)
            .await;
        answer.unwrap_err()
    }
}

/// The status and the reason of a call that failed.
fn failed<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    let reason = status.metadata().get("session-reason");
    let reason = reason.map(|reason| reason.to_str().unwrap().to_owned());
    (status.code(), reason.unwrap_or_default())
}

fn unauthenticated(reason: &str) -> (Code, String) {
    (Code::Unauthenticated, reason.to_owned())
}

#[tokio::test]
async fn call_without_session_is_unauthenticated() {
    let served = Served::over(MemoryStore::new(), minutes(15)).await;
    let mut alice = served.alice().await;
    assert_eq!(alice.balance().await.unwrap(), "alice");
    let anonymous = alice.client.balance(BalanceRequest {}).await;
    assert_eq!(failed(anonymous), unauthenticated("session_required"));
}

#[tokio::test]
async fn l02_only_active_methods_move_deadline() {
    let clock = ManualClock::new();
    let served = Served::over(MemoryStore::with_clock(clock.clone()), minutes(15)).await;
    let mut alice = served.alice().await;
    clock.advance(minutes(10));
    assert_eq!(alice.balance().await.unwrap(), "alice");
    clock.advance(minutes(10));
    assert_eq!(alice.news().await.unwrap(), 3);
    assert_eq!(alice.nothing().await.code(), Code::Unimplemented);
    clock.advance(minutes(5));
    assert_eq!(failed(alice.news().await), unauthenticated("idle_timeout"));
    assert_eq!(
        failed(alice.balance().await),
        unauthenticated("idle_timeout")
    );
}

#[tokio::test]
async fn l14_stream_ends_with_sign_out() {
    let served = Served::over(MemoryStore::new(), minutes(15)).await;
    let mut alice = served.alice().await;
    let call = alice.call(MovementsRequest {});
    let mut movements = alice.client.movements(call).await.unwrap().into_inner();
    assert_eq!(
        movements.message().await.unwrap(),
        Some(Movement { cents: 1 })
    );
    let call = alice.call(SignOutRequest {});
    alice.client.sign_out(call).await.unwrap();
    let end = loop {
        match movements.message().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert_eq!(failed(end), unauthenticated("signed_out"));
    assert_eq!(failed(alice.balance().await), unauthenticated("signed_out"));
}

#[tokio::test]
async fn l14_stream_ends_at_idle_deadline() {
    let served = Served::over(MemoryStore::new(), seconds(2)).await;
    let mut alice = served.alice().await;
    let call = alice.call(MovementsRequest {});
    let mut movements = alice.client.movements(call).await.unwrap().into_inner();
    let mut count = 0;
    let end = loop {
        match movements.message().await {
            Ok(Some(_)) => count += 1,
            end => break end,
        }
    };
    assert_eq!(failed(end), unauthenticated("idle_timeout"));
    // One at once and one each second, until two seconds have passed.
    assert!((2..=4).contains(&count), "{count}");
}

#[tokio::test]
async fn l08_store_that_is_away_is_unavailable() {
    let store = FaultyStore::new(MemoryStore::new());
    let served = Served::over(store.clone(), minutes(15)).await;
    let mut alice = served.alice().await;
    store.fail();
    let away = (Code::Unavailable, "store_unavailable".to_owned());
    assert_eq!(failed(alice.balance().await), away);
    store.heal();
    assert_eq!(alice.balance().await.unwrap(), "alice");
}
