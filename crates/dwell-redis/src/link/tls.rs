//! Whom to trust over TLS.

use redis::{Client, ConnectionInfo, RedisResult};

/// The authorities whose certificates are trusted.
#[derive(Clone, Default)]
pub(crate) struct Trust {
    /// Certificates in PEM; the system's where there are none.
    #[cfg(feature = "tls")]
    pub(crate) roots: Option<Vec<u8>>,
}

impl Trust {
    pub(crate) fn client(&self, info: ConnectionInfo) -> RedisResult<Client> {
        #[cfg(feature = "tls")]
        if let Some(certificates) = self.certificates(info.addr()) {
            return Client::build_with_tls(info, certificates);
        }
        Client::open(info)
    }

    /// What a connection to this address needs, where it is not the system's.
    #[cfg(feature = "tls")]
    pub(crate) fn certificates(
        &self,
        address: &redis::ConnectionAddr,
    ) -> Option<redis::TlsCertificates> {
        let is_tls = matches!(address, redis::ConnectionAddr::TcpTls { .. });
        let roots = self.roots.clone().filter(|_| is_tls)?;
        Some(redis::TlsCertificates {
            client_tls: None,
            root_cert: Some(roots),
        })
    }

    /// Sees to it that there is a cryptographic provider: without one, or with
    /// two of them to choose from, rustls panics.
    #[cfg(feature = "tls")]
    pub(crate) fn provide() {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Somebody else may have been first, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
    }
}
