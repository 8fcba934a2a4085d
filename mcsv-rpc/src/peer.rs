#[cfg(feature = "tls")]
use std::fmt;
use std::net::SocketAddr;
#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use rustls::ServerConnection;
#[cfg(feature = "tls")]
use rustls::pki_types::CertificateDer;

/// The address on the other side of the connection, in the extensions of a request that a
/// [`Server`](crate::Server) hands to a layer or a nested service.
///
/// Behind a proxy this is the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// The certificate that the client of a [`Server`](crate::Server) has proved to own, in the
/// extensions of a request, where the server asks for one and the client has one.
///
/// ```
/// # use mcsv_rpc::{Cx, Error, PeerCertificate, Result};
/// fn own_certificate(cx: &Cx) -> Result<&[u8]> {
///     let certificate = cx.extensions().get::<PeerCertificate>();
///     Ok(certificate.ok_or_else(|| Error::unauthenticated("show a certificate"))?.der())
/// }
/// ```
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
#[derive(Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Never empty; a request gets a clone for the price of a counter.
    chain: Arc<[CertificateDer<'static>]>,
}

#[cfg(feature = "tls")]
impl PeerCertificate {
    pub(crate) fn of(connection: &ServerConnection) -> Option<Self> {
        let sent = connection.peer_certificates().filter(|sent| !sent.is_empty())?;
        let chain = sent.iter().map(|certificate| certificate.clone().into_owned()).collect();
        Some(PeerCertificate { chain })
    }

    /// The client's own certificate, in DER: X.509, to be read by a crate of your choice.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        self.chain.first().map_or(&[][..], |own| own)
    }

    /// The certificates in between, as the client sent them, in DER. Only those that lead from its
    /// own to a root have been verified.
    pub fn intermediates(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().skip(1).map(|certificate| &certificate[..])
    }
}

#[cfg(feature = "tls")]
impl fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerCertificate").finish_non_exhaustive()
    }
}
