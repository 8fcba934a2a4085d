use std::fmt;
use std::sync::Arc;

use mcsv_core::{Error, Result};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// What a server proves its name with: a certificate chain and its private key.
///
/// The server offers HTTP/2 and HTTP/1.1 by ALPN, in TLS 1.3 and 1.2.
#[derive(Clone)]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub struct TlsIdentity {
    pub(crate) config: Arc<ServerConfig>,
}

impl TlsIdentity {
    /// Reads the chain, the server's own certificate first, and the key, both in PEM.
    ///
    /// # Errors
    ///
    /// `invalid_argument`: one of them can't be read, or the key is not the certificate's.
    ///
    /// ```
    /// let error = mcsv_rpc::TlsIdentity::from_pem("", "").unwrap_err();
    /// assert!(error.message().contains("certificate"));
    /// ```
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self> {
        let chain = certificates(chain.as_ref())?;
        let key = PrivateKeyDer::from_pem_slice(key.as_ref())
            .map_err(|cause| unreadable("the private key is no PEM").with_source(cause))?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key);
        let mut config = config.map_err(|cause| {
            unreadable("the certificate and the key do not fit together").with_source(cause)
        })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsIdentity { config: Arc::new(config) })
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").finish_non_exhaustive()
    }
}

/// A client's trust in the public certificate authorities.
pub(crate) fn public() -> ClientConfig {
    client(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
}

/// A client's trust in the certificate authorities in `roots`, PEM.
pub(crate) fn trusting(roots: &[u8]) -> Result<ClientConfig> {
    let mut store = RootCertStore::empty();
    for root in certificates(roots)? {
        store
            .add(root)
            .map_err(|cause| unreadable("a root certificate is no root").with_source(cause))?;
    }
    Ok(client(store))
}

fn client(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        // The provider is the one line above: it has cipher suites for both versions.
        .expect("ring serves TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let read: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unreadable("there is no certificate in the PEM")),
        Err(cause) => Err(unreadable("a certificate is no PEM").with_source(cause)),
    }
}

/// Neither keys nor their bytes get into the message.
fn unreadable(problem: &str) -> Error {
    Error::invalid_argument(format!("bad TLS configuration: {problem}"))
}
