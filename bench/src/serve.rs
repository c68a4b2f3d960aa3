//! What every server over a socket does: it prints its address, and serves
//! until it is told to stop.

use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::contender::runtime;

/// Serves what `make` makes, until `stopped` is told or let go of.
pub fn until_stopped(
    name: &str,
    make: fn() -> Router,
    stopped: oneshot::Receiver<()>,
) -> Result<(), String> {
    let serve = async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let listener = listener.tap_io(|socket| {
            let _ = socket.set_nodelay(true);
        });
        let service = make().into_make_service_with_connect_info::<SocketAddr>();
        tokio::select! {
            served = axum::serve(listener, service) => served,
            _ = stopped => Ok(()),
        }
    };
    let served = runtime().block_on(serve);
    served.map_err(|error: std::io::Error| format!("{name}: {error}"))
}
