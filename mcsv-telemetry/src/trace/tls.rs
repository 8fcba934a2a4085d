use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::settings::Scheme;
use crate::{Error, Result};

/// TLS by ring, whatever provider the process installs as its default, now or later.
///
/// An `https` collector is checked by the roots of the system, where an operator puts those of the
/// house. For `http` they are not looked for: an image without any would otherwise not start.
pub(crate) fn config(scheme: Scheme) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::exporter)?;
    let checked = match scheme {
        Scheme::Http => builder.with_root_certificates(RootCertStore::empty()),
        Scheme::Https => builder.with_platform_verifier().map_err(Error::exporter)?,
    };
    Ok(checked.with_no_client_auth())
}
