//! A TCP proxy in front of a real server, which can delay, hold and reset
//! connections.

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

/// A proxy on a free loopback port. It runs on the runtime that started it, and
/// ends with all its connections when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    accepting: JoinHandle<()>,
}

/// Where bytes go, and what the proxy does to them now.
#[derive(Clone, Copy, Debug)]
struct Fault {
    target: SocketAddr,
    delay: Duration,
    paused: bool,
    refusing: bool,
    resets: u64,
}

impl Proxy {
    /// Starts a proxy that passes everything on to `target`.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = bound.map_err(Error::io("listening for the proxy"))?;
        let address = listener.local_addr();
        let address = address.map_err(Error::io("asking for the proxy's port"))?;
        let (fault, watched) = watch::channel(Fault {
            target,
            delay: Duration::ZERO,
            paused: false,
            refusing: false,
            resets: 0,
        });
        Ok(Self {
            address,
            fault,
            accepting: tokio::spawn(accept(listener, watched)),
        })
    }

    /// Returns the address of the proxy.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the proxy's port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Delays every chunk by `delay` from now on, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.fault.send_modify(|fault| fault.delay = delay);
    }

    /// Resets all connections, as a machine does that lost power and is back.
    pub fn reset_all(&self) {
        self.fault.send_modify(|fault| fault.resets += 1);
    }

    /// Resets all connections, and passes new ones on to `target`: the address of a
    /// service moves to another machine.
    pub fn fail_over_to(&self, target: SocketAddr) {
        self.fault.send_modify(|fault| {
            fault.target = target;
            fault.resets += 1;
        });
    }

    /// Closes new connections at once while `refusing` is `true`.
    pub fn refuse(&self, refusing: bool) {
        self.fault.send_modify(|fault| fault.refusing = refusing);
    }

    /// Lets nothing pass, not even the end of a connection, until
    /// [`Proxy::resume`].
    pub fn pause(&self) {
        self.fault.send_modify(|fault| fault.paused = true);
    }

    /// Lets everything pass again, beginning with what was held.
    pub fn resume(&self) {
        self.fault.send_modify(|fault| fault.paused = false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, mut fault: watch::Receiver<Fault>) {
    let mut connections = JoinSet::new();
    // A connection that broke before it was accepted needs no handling.
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                let now = *fault.borrow_and_update();
                if !now.refusing {
                    connections.spawn(pass(client, now.target, fault.clone(), now.resets));
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes one connection on until both directions have ended, one has failed,
/// or all are reset.
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
    // Otherwise small packets are gathered, which adds a delay.
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

/// Passes one direction on, including its end.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    fault: &mut watch::Receiver<Fault>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        let delay = fault.borrow().delay;
        // The delay that the test asked for.
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
