use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// The connection once its handshake is done, in time and well.
#[cfg(feature = "tls")]
pub(super) async fn secured(
    tls: &TlsAcceptor,
    stream: TcpStream,
    patience: Duration,
) -> Option<TlsStream<TcpStream>> {
    match tokio::time::timeout(patience, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(cause)) => {
            tracing::debug!(%cause, "a TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!(after = ?patience, "cut off a TLS handshake");
            None
        }
    }
}

/// A client that left early is no reason to wait; a process out of file descriptors is.
pub(super) async fn pause_after(cause: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(cause.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    tracing::error!(%cause, "can't accept connections, trying again in a second");
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// A small answer must not wait for the acknowledgement of the one before it.
pub(super) fn no_delay(stream: &TcpStream) {
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "can't set TCP_NODELAY");
    }
}
