//! A TCP proxy that passes bytes on to a real server, slowly, not at all, or until it resets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::error::{Error, Result};

const CHUNK: usize = 16 * 1024;

/// A proxy on a free port of the loopback. It runs on the runtime that started it and ends when dropped, with
/// all its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    accepting: JoinHandle<()>,
}

/// What is done to the bytes at the moment.
#[derive(Clone, Copy, Debug, Default)]
struct Fault {
    delay: Duration,
    paused: bool,
    refusing: bool,
    resets: u64,
}

impl Proxy {
    /// Starts to pass everything on to `target`.
    ///
    /// # Errors
    ///
    /// When there is no port to listen on.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = bound.map_err(Error::io("listening for the proxy"))?;
        let address = listener.local_addr();
        let address = address.map_err(Error::io("asking for the proxy's port"))?;
        let (fault, watched) = watch::channel(Fault::default());
        Ok(Self {
            address,
            fault,
            accepting: tokio::spawn(accept(listener, target, watched)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Holds back every chunk for so long, in both directions, from now on.
    pub fn delay(&self, delay: Duration) {
        self.fault.send_modify(|fault| fault.delay = delay);
    }

    /// Ends all connections with a reset, as a machine that lost its power and is back would.
    pub fn reset_all(&self) {
        self.fault.send_modify(|fault| fault.resets += 1);
    }

    /// Whether new connections are closed at once.
    pub fn refuse(&self, refusing: bool) {
        self.fault.send_modify(|fault| fault.refusing = refusing);
    }

    /// Lets nothing pass, not even the end of a connection, until [`Proxy::resume`].
    pub fn pause(&self) {
        self.fault.send_modify(|fault| fault.paused = true);
    }

    /// Lets pass what has waited, and all that follows.
    pub fn resume(&self) {
        self.fault.send_modify(|fault| fault.paused = false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, mut fault: watch::Receiver<Fault>) {
    let mut connections = JoinSet::new();
    // A connection that broke before it was accepted is nobody's loss.
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                let now = *fault.borrow_and_update();
                if !now.refusing {
                    connections.spawn(pass(client, target, fault.clone(), now.resets));
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes one connection on until both directions have ended, or either has failed, or the reset.
async fn pass(
    mut client: TcpStream,
    target: SocketAddr,
    mut fault: watch::Receiver<Fault>,
    resets: u64,
) -> io::Result<()> {
    let reset = {
        let mut fault = fault.clone();
        async move { fault.wait_for(|fault| fault.resets > resets).await.is_ok() }
    };
    let mut server = TcpStream::connect(target).await?;
    // A proxy that gathers small packets would add a delay that nobody asked for.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let was_reset = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let mut back = fault.clone();
        let passing = async {
            tokio::try_join!(
                pump(from_client, to_server, &mut fault),
                pump(from_server, to_client, &mut back),
            )
        };
        tokio::select! {
            was_reset = reset => was_reset,
            ended = passing => { ended?; false }
        }
    };
    if was_reset {
        client.set_zero_linger()?;
        server.set_zero_linger()?;
    }
    Ok(())
}

/// Passes one direction on, also its end.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    fault: &mut watch::Receiver<Fault>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        let delay = fault.borrow().delay;
        // The delay is what was asked for; nothing is waited for.
        sleep(delay).await;
        if fault.wait_for(|fault| !fault.paused).await.is_err() {
            return Ok(());
        }
        match chunk.get(..length) {
            None | Some([]) => return to.shutdown().await,
            Some(bytes) => to.write_all(bytes).await?,
        }
    }
}
