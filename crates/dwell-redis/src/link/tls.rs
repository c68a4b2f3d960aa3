//! The certificate authorities to trust over TLS.

use redis::{Client, ConnectionInfo, RedisResult};

/// The authorities whose certificates are trusted.
#[derive(Clone, Default)]
pub(crate) struct Trust {
    /// Certificates in PEM; the system's if `None`.
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

    /// Returns the certificates for a connection to this address, unless they
    /// are the system's.
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

    /// Installs a cryptographic provider if the process has none. Without one,
    /// or with two to choose from, rustls panics.
    #[cfg(feature = "tls")]
    pub(crate) fn provide() {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may have installed one first, which serves as
            // well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
    }
}
