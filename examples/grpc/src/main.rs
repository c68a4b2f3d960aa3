//! Serves the accounts on `PORT`, or on 50051.

use dwell_core::{PolicySet, SessionManager, Timeouts, hours, minutes};
use dwell_memory::MemoryStore;
use grpc::Bank;
use grpc::proto::accounts_server::AccountsServer;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tower::util::MapRequestLayer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })?;
    let manager = SessionManager::builder(MemoryStore::new(), policies).build();
    let port = std::env::var("PORT").unwrap_or("50051".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    tonic::transport::Server::builder()
        .layer(grpc::sessions(&manager))
        .layer(MapRequestLayer::new(grpc::mark))
        .add_service(AccountsServer::new(Bank))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await?;
    Ok(())
}
