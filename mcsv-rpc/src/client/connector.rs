use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;

/// The versions of HTTP that a pool of connections speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http1,
    Http2,
}

fn tcp(timeout: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(timeout));
    // A call may be long and without a time-out: a host that vanished must still end it.
    connector.set_keepalive(Some(Duration::from_secs(30)));
    connector.set_keepalive_interval(Some(Duration::from_secs(10)));
    connector.set_keepalive_retries(Some(3));
    connector
}

#[cfg(not(feature = "tls"))]
mod imp {
    use std::time::Duration;

    use super::{HttpConnector, Speaks, tcp};

    pub(crate) type Connector = HttpConnector;

    /// Whose certificates are trusted: no one's, without TLS.
    #[derive(Clone, Default)]
    pub(crate) struct Trust {}

    impl Trust {
        pub(crate) fn connector(&self, _: Speaks, timeout: Duration) -> Connector {
            tcp(timeout)
        }
    }
}

#[cfg(feature = "tls")]
mod imp {
    use std::sync::Arc;
    use std::time::Duration;

    use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
    use rustls::ClientConfig;
    use rustls::client::ResolvesClientCert;

    use super::{HttpConnector, Speaks, tcp};
    use crate::client::identity::client_identity;
    use crate::tls::{public, trusting};

    pub(crate) type Connector = HttpsConnector<HttpConnector>;

    /// Whose certificates are trusted, the public authorities' where no others are given, and the
    /// client's own.
    #[derive(Clone, Default)]
    pub(crate) struct Trust {
        only: Option<ClientConfig>,
        identity: Option<Arc<dyn ResolvesClientCert>>,
    }

    impl Trust {
        pub(crate) fn set_only(&mut self, roots: &[u8]) -> mcsv_core::Result<()> {
            self.only = Some(trusting(roots)?);
            Ok(())
        }

        pub(crate) fn set_identity(&mut self, chain: &[u8], key: &[u8]) -> mcsv_core::Result<()> {
            self.identity = Some(client_identity(chain, key)?);
            Ok(())
        }

        pub(crate) fn connector(&self, speaks: Speaks, timeout: Duration) -> Connector {
            let mut tcp = tcp(timeout);
            tcp.enforce_http(false);
            let mut config = self.only.clone().unwrap_or_else(public);
            if let Some(identity) = &self.identity {
                config.client_auth_cert_resolver = Arc::clone(identity);
            }
            let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
            match speaks {
                Speaks::Http1 => builder.enable_http1().wrap_connector(tcp),
                Speaks::Http2 => builder.enable_http2().wrap_connector(tcp),
            }
        }
    }
}

pub(crate) use imp::{Connector, Trust};
