//! The load: as many requests as the server answers, on connections that are
//! kept. It must cost less than the server, so it speaks both protocols with
//! prepared bytes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{Protocol, http1, http2};
use crate::contender::runtime;

/// Who sends what to whom.
pub struct Load<'a> {
    server: SocketAddr,
    protocol: Protocol,
    cookie: Option<&'a str>,
    connections: usize,
    /// Requests at a time on a connection.
    streams: usize,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// After this time.
    Time(Duration),
    /// After so many requests on each connection.
    Requests(usize),
}

/// What was sent and answered.
#[derive(Debug)]
pub struct Sent {
    /// The latency of every request, in nanoseconds.
    pub latencies: Vec<u64>,
    /// The time of all of them.
    pub took: Duration,
}

/// Tells a connection when to stop.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    until: Option<Instant>,
    requests: usize,
}

impl Stop {
    /// Goes on for ever.
    #[cfg(test)]
    pub fn never() -> Self {
        Self {
            until: None,
            requests: usize::MAX,
        }
    }

    /// Whether no further request is to be sent after so many.
    pub fn is_due(&self, sent: usize) -> bool {
        sent >= self.requests || self.until.is_some_and(|until| Instant::now() >= until)
    }
}

impl<'a> Load<'a> {
    /// 32 requests at a time.
    pub fn full(server: SocketAddr, protocol: Protocol, cookie: Option<&'a str>) -> Self {
        let (connections, streams) = match protocol {
            Protocol::Http1 => (32, 1),
            Protocol::Http2 => (4, 8),
        };
        Self {
            server,
            protocol,
            cookie,
            connections,
            streams,
        }
    }

    /// One request at a time.
    pub fn one_by_one(server: SocketAddr, protocol: Protocol, cookie: Option<&'a str>) -> Self {
        Self {
            server,
            protocol,
            cookie,
            connections: 1,
            streams: 1,
        }
    }

    /// Sends until the limit; every answer must be 200.
    pub fn send(&self, limit: Limit) -> Result<Sent, String> {
        let started = Instant::now();
        let stop = match limit {
            Limit::Time(time) => Stop {
                until: Some(started + time),
                requests: usize::MAX,
            },
            Limit::Requests(requests) => Stop {
                until: None,
                requests,
            },
        };
        let latencies = runtime().block_on(self.connections(stop))?;
        Ok(Sent {
            latencies,
            took: started.elapsed(),
        })
    }

    async fn connections(&self, stop: Stop) -> Result<Vec<u64>, String> {
        let mut running = JoinSet::new();
        for _ in 0..self.connections {
            let (server, streams) = (self.server, self.streams);
            match self.protocol {
                Protocol::Http1 => {
                    let request = http1::request("/", self.cookie);
                    running.spawn(http1::run(server, request, stop));
                }
                Protocol::Http2 => {
                    let headers = http2::headers(self.cookie);
                    running.spawn(http2::run(server, headers, streams, stop));
                }
            }
        }
        let mut latencies = Vec::new();
        while let Some(ended) = running.join_next().await {
            let ended = ended.map_err(|e| e.to_string())?;
            latencies.extend(ended.map_err(|e| format!("{}: {e}", self.protocol.name()))?);
        }
        Ok(latencies)
    }
}
