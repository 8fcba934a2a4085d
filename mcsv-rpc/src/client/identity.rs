use std::sync::Arc;

use mcsv_core::{Error, Result};
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// What a client proves its name with, where a server asks for it: a chain and its key, both PEM.
pub(crate) fn client_identity(chain: &[u8], key: &[u8]) -> Result<Arc<dyn ResolvesClientCert>> {
    let chain: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.map_err(|cause| unusable("a certificate is no PEM").with_source(cause))?;
    if chain.is_empty() {
        return Err(unusable("there is no certificate in the PEM"));
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|cause| unusable("the private key is no PEM").with_source(cause))?;
    let identity = CertifiedKey::from_der(chain, key, &default_provider()).map_err(|cause| {
        unusable("the certificate and the key do not fit together").with_source(cause)
    })?;
    Ok(Arc::new(SingleCertAndKey::from(identity)))
}

/// Neither the key nor its bytes get into the message.
fn unusable(problem: &str) -> Error {
    Error::invalid_argument(format!("bad TLS configuration: {problem}"))
}
