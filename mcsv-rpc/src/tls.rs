use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use mcsv_core::{Error, Result};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientCertVerifierBuilder, ClientHello, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// What a server proves its name with: a certificate chain and its private key; and whom it asks to
/// prove theirs.
///
/// The server offers HTTP/2 and HTTP/1.1 by ALPN, in TLS 1.3 and 1.2. Clones share what they prove
/// their name with, so [`renew`](Self::renew) reaches a server that is running.
#[derive(Clone)]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub struct TlsIdentity {
    proof: Arc<Proof>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
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
        let key = certified(chain.as_ref(), key.as_ref())?;
        Ok(TlsIdentity { proof: Arc::new(Proof(RwLock::new(key))), clients: None })
    }

    /// Proves its name with another chain and key from the next handshake on, without a restart.
    /// Connections that stand are left alone.
    ///
    /// # Errors
    ///
    /// Like [`from_pem`](Self::from_pem); the old ones stay then.
    pub fn renew(&self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<()> {
        let key = certified(chain.as_ref(), key.as_ref())?;
        *self.proof.0.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(())
    }

    /// Serves only clients with a certificate that an authority in `roots`, PEM, vouches for. It is
    /// in the request's extensions as a [`PeerCertificate`](crate::PeerCertificate).
    ///
    /// Revocation lists are not asked: give such certificates a short life.
    ///
    /// # Errors
    ///
    /// `invalid_argument`: there is no certificate in `roots`, or one that can't be read.
    pub fn with_client_roots(self, roots: impl AsRef<[u8]>) -> Result<Self> {
        let clients = verifier(roots.as_ref())?.build()?;
        Ok(TlsIdentity { clients: Some(clients), ..self })
    }

    /// Like [`with_client_roots`](Self::with_client_roots), but a client without a certificate is
    /// served too. One with a bad certificate is not.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn with_optional_client_roots(self, roots: impl AsRef<[u8]>) -> Result<Self> {
        let clients = verifier(roots.as_ref())?.allow_unauthenticated().build()?;
        Ok(TlsIdentity { clients: Some(clients), ..self })
    }

    pub(crate) fn server_config(self) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            // The provider is the one line above: it has cipher suites for both versions.
            .expect("ring serves TLS 1.2 and 1.3");
        let builder = match self.clients {
            Some(clients) => builder.with_client_cert_verifier(clients),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(self.proof);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").finish_non_exhaustive()
    }
}

/// The chain and key of the moment.
struct Proof(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Proof {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Shows no key.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").finish_non_exhaustive()
    }
}

fn certified(chain: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>> {
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|cause| unreadable("the private key is no PEM").with_source(cause))?;
    let certified = CertifiedKey::from_der(chain, key, &default_provider());
    certified.map(Arc::new).map_err(|cause| {
        unreadable("the certificate and the key do not fit together").with_source(cause)
    })
}

fn verifier(roots: &[u8]) -> Result<ClientCertVerifierBuilder> {
    let provider = Arc::new(default_provider());
    Ok(WebPkiClientVerifier::builder_with_provider(Arc::new(store(roots)?), provider))
}

/// A client's trust in the public certificate authorities.
pub(crate) fn public() -> ClientConfig {
    client(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
}

/// A client's trust in the certificate authorities in `roots`, PEM.
pub(crate) fn trusting(roots: &[u8]) -> Result<ClientConfig> {
    Ok(client(store(roots)?))
}

fn store(roots: &[u8]) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    for root in certificates(roots)? {
        store
            .add(root)
            .map_err(|cause| unreadable("a root certificate is no root").with_source(cause))?;
    }
    Ok(store)
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
