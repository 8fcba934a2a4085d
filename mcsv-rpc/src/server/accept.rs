use std::io;
#[cfg(feature = "tls")]
use std::pin::pin;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use tokio_rustls::{TlsAcceptor, server::TlsStream};

#[cfg(feature = "tls")]
use super::{activity::Activity, connection::while_wanted};

/// The connection once its handshake is done, in time and well.
#[cfg(feature = "tls")]
pub(super) async fn secured(
    tls: &TlsAcceptor,
    stream: TcpStream,
    activity: &Activity,
) -> Option<TlsStream<TcpStream>> {
    // One that has begun may end, also when the server is about to.
    let handshake = while_wanted(activity, pin!(tls.accept(stream)), Some(|_| ())).await?;
    handshake.inspect_err(|cause| tracing::debug!(%cause, "a TLS handshake failed")).ok()
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

/// What every connection is set to.
pub(super) fn tune(stream: &TcpStream) {
    // A small answer must not wait for the acknowledgement of the one before it.
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "can't set TCP_NODELAY");
    }
    // A call may run for long while nothing is sent: its client's machine may be gone meanwhile.
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(5))
        .with_retries(3);
    if let Err(cause) = SockRef::from(stream).set_tcp_keepalive(&probes) {
        tracing::debug!(%cause, "can't set SO_KEEPALIVE");
    }
}
