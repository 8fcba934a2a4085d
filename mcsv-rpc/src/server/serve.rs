use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use futures_util::FutureExt;
use mcsv_core::{Error, Result, Shutdown};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::task::JoinSet;
#[cfg(feature = "tls")]
use tokio_rustls::TlsAcceptor;

#[cfg(feature = "tls")]
use super::accept::secured;
use super::accept::{pause_after, tune};
use super::activity::Activity;
use super::connection::{ConnectionOptions, serve_connection};
use super::router::Router;
use super::watchdog::Watchdog;
use crate::observe::learn_recorder;
#[cfg(feature = "tls")]
use crate::{PeerCertificate, TlsIdentity};

/// The shortest wait that can be set: a shorter one would cut everybody off.
const SHORTEST: Duration = Duration::from_millis(4);

/// A port that is listened on, and the bounds of its connections.
///
/// HTTP/1.1 and HTTP/2 share the port, the latter with prior knowledge or by ALPN in TLS.
///
/// ```
/// use mcsv_rpc::{Router, Server, Shutdown};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mcsv_rpc::Result<()> {
/// let server = Server::bind("127.0.0.1:0").await?;
/// println!("listening on {}", server.local_addr());
///
/// let shutdown = Shutdown::new();
/// shutdown.begin(); // usually on a signal, while the server runs
/// server.serve(Router::new(), shutdown).await
/// # }
/// ```
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    drain_timeout: Duration,
    max_connections: usize,
    options: ConnectionOptions,
    #[cfg(feature = "tls")]
    tls: Option<TlsAcceptor>,
}

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// `failed_precondition` where the address can't be listened on; the message says why.
    pub async fn bind(address: impl ToSocketAddrs + fmt::Debug) -> Result<Self> {
        let shown = format!("{address:?}");
        let listener =
            TcpListener::bind(address).await.map_err(|cause| cannot_listen(&shown, cause))?;
        Self::from_listener(listener)
    }

    /// Serves a listener that was made elsewhere.
    ///
    /// # Errors
    ///
    /// `failed_precondition` where the listener has no local address.
    pub fn from_listener(listener: TcpListener) -> Result<Self> {
        let local_addr =
            listener.local_addr().map_err(|cause| cannot_listen("a listener", cause))?;
        Ok(Server {
            listener,
            local_addr,
            drain_timeout: Duration::from_secs(30),
            max_connections: 10_000,
            options: ConnectionOptions::new(),
            #[cfg(feature = "tls")]
            tls: None,
        })
    }

    /// Speaks TLS, and only TLS, as `identity`.
    ///
    /// A client that does not finish its handshake within the header time-out is cut off. Who the
    /// client is, the identity can ask: see [`TlsIdentity::with_client_roots`].
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn with_tls(mut self, identity: TlsIdentity) -> Self {
        self.tls = Some(identity.server_config().into());
        self
    }

    /// Waits at most `timeout` for accepted calls once the shutdown has begun; 30 seconds by
    /// default. What is left then is cut off.
    #[must_use]
    pub fn with_drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Cuts off a connection that takes longer than `timeout` over a request head, the first with the
    /// greeting of HTTP/2 and the TLS handshake before it, or that sends nothing at all; 10 seconds by
    /// default, at least 4 milliseconds.
    #[must_use]
    pub fn with_header_timeout(mut self, timeout: Duration) -> Self {
        self.options.patience.head = timeout.max(SHORTEST);
        self
    }

    /// Closes a connection that has had no call for `timeout`; 2 minutes by default, at least 4
    /// milliseconds.
    ///
    /// Keep it longer than what stands in front keeps idle connections, which is a minute for most
    /// load balancers: the side that closes last loses no request. HTTP/2 clients are told first.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.options.patience.idle = timeout.max(SHORTEST);
        self
    }

    /// Cuts off a connection whose client takes nothing of its answers for `timeout`; 30 seconds by
    /// default, at least 4 milliseconds. Any progress starts the wait anew.
    #[must_use]
    pub fn with_write_timeout(mut self, timeout: Duration) -> Self {
        self.options.patience.write = timeout.max(SHORTEST);
        self
    }

    /// Lets an HTTP/2 connection run at most `streams` calls at a time; 200 by default, at least 1.
    /// A client that knows the bound waits; a stream beyond it is refused.
    #[must_use]
    pub fn with_max_streams(mut self, streams: u32) -> Self {
        self.options.max_streams = streams.max(1);
        self
    }

    /// Ends an HTTP/2 connection that has more than `resets` streams which ended before the server
    /// came to look at them, or by the client's mistake; 20 by default.
    ///
    /// A call that is given up while it runs does not count. Clients that open and reset streams in
    /// haste cost the server work that no bound on streams sees (CVE-2023-44487).
    #[must_use]
    pub fn with_max_resets(mut self, resets: usize) -> Self {
        self.options.max_resets = resets;
        self
    }

    /// Asks HTTP/2 clients by PING whether they are there, every `interval`, and cuts off one that has
    /// not answered after as long again; by default they are not asked. At least 4 milliseconds.
    ///
    /// That a client's machine or network is gone is seen without: TCP asks after ten seconds of
    /// silence, and ends the connection after fifteen more. This is for clients that hang, and for
    /// proxies that answer TCP in the place of a client. It costs a call about one part in a hundred.
    #[must_use]
    pub fn with_http2_keep_alive(mut self, interval: Duration) -> Self {
        self.options.ping_interval = Some(interval.max(SHORTEST));
        self
    }

    /// Refuses request heads of more than `bytes` with status 431; 128 KiB by default, at least 8 KiB.
    /// One of more than 100 lines is refused too.
    #[must_use]
    pub fn with_max_header_bytes(mut self, bytes: usize) -> Self {
        self.options.max_header_bytes = bytes.max(8 * 1024);
        self
    }

    /// Holds at most `connections` at a time; 10,000 by default, at least 1. Further ones wait in the
    /// system's backlog until one ends.
    #[must_use]
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Ends a connection `age` after it began, once what it has accepted is answered; by default no
    /// connection is too old.
    ///
    /// Clients then connect anew, so that they find servers that were added since. Each connection
    /// lives up to a tenth shorter, so that those which began together do not end together.
    #[must_use]
    pub fn with_max_connection_age(mut self, age: Duration) -> Self {
        self.options.max_age = Some(age);
        self
    }

    /// The address that is listened on, with the port that was taken.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves `app` until `shutdown` begins, finishes the calls that were accepted, and returns.
    ///
    /// It counts as one piece of work of `shutdown`, so that `shutdown.drained()` waits for it.
    ///
    /// # Errors
    ///
    /// What [`Router::check`] finds, before anything is served.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts every connection off.
    pub async fn serve(self, app: Router, shutdown: Shutdown) -> Result<()> {
        app.check()?;
        learn_recorder();
        let _counted = shutdown.guard();
        let mut connections = JoinSet::new();
        let mut watchdog = Watchdog::new(self.options.patience);
        let mut begun = pin!(shutdown.begun());
        loop {
            let (stream, peer) = tokio::select! {
                biased;
                () = &mut begun => break,
                Some(_) = connections.join_next() => continue,
                () = watchdog.look(), if !watchdog.is_idle() => continue,
                accepted = self.listener.accept(), if connections.len() < self.max_connections =>
                match accepted {
                    Ok(accepted) => accepted,
                    Err(cause) => {
                        pause_after(&cause).await;
                        continue;
                    }
                },
            };
            self.spawn(&mut connections, &app, (stream, peer), &mut watchdog);
        }
        // The system has shaken hands with these, and their clients may have sent a call.
        while let Some(Ok(accepted)) = self.listener.accept().now_or_never() {
            self.spawn(&mut connections, &app, accepted, &mut watchdog);
        }
        app.set_draining();
        drop(self.listener);
        watchdog.dismiss();
        let drained = async {
            loop {
                tokio::select! {
                    ended = connections.join_next() => if ended.is_none() { return },
                    () = watchdog.look(), if !watchdog.is_idle() => {}
                }
            }
        };
        if tokio::time::timeout(self.drain_timeout, drained).await.is_err() {
            let cut = connections.len();
            tracing::warn!(cut, after = ?self.drain_timeout, "cut off connections at shutdown");
        }
        connections.shutdown().await;
        Ok(())
    }

    fn spawn(
        &self,
        connections: &mut JoinSet<()>,
        app: &Router,
        (stream, peer): (TcpStream, SocketAddr),
        watchdog: &mut Watchdog,
    ) {
        tune(&stream);
        let options = self.options;
        let router = app.with_peer(peer);
        let activity = Arc::<Activity>::default();
        watchdog.watch(activity.clone(), options.max_age_of(peer));
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.clone() {
            connections.spawn(async move {
                let Some(stream) = secured(&tls, stream, &activity).await else {
                    return;
                };
                let certificate = PeerCertificate::of(stream.get_ref().1);
                serve_connection(stream, router, certificate, options, activity).await;
            });
            return;
        }
        #[cfg(feature = "tls")]
        connections.spawn(serve_connection(stream, router, None, options, activity));
        #[cfg(not(feature = "tls"))]
        connections.spawn(serve_connection(stream, router, options, activity));
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

/// Serves `app` on `address` until Ctrl-C or SIGTERM, then finishes what was accepted.
///
/// # Errors
///
/// Like [`Server::bind`] and [`Server::serve`].
pub async fn serve(address: impl ToSocketAddrs + fmt::Debug, app: Router) -> Result<()> {
    let server = Server::bind(address).await?;
    let shutdown = Shutdown::new();
    let signal = shutdown.clone();
    let listening = tokio::spawn(async move {
        stop_signal().await;
        signal.begin();
    });
    let served = server.serve(app, shutdown).await;
    listening.abort();
    served
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    let _ = tokio::signal::ctrl_c().await;
}

fn cannot_listen(address: &str, cause: io::Error) -> Error {
    Error::failed_precondition(format!("can't listen on {address}: {cause}")).with_source(cause)
}
