use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;

use super::transport::Transport;

/// The versions of HTTP that a pool of connections speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http1,
    Http2,
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(Transport::CONNECT_TIMEOUT));
    // A call may be long and without a time-out: a host that vanished must still end it.
    connector.set_keepalive(Some(Duration::from_secs(30)));
    connector.set_keepalive_interval(Some(Duration::from_secs(10)));
    connector.set_keepalive_retries(Some(3));
    connector
}

#[cfg(not(feature = "tls"))]
mod imp {
    use super::{HttpConnector, Speaks, tcp};

    pub(crate) type Connector = HttpConnector;

    /// Whose certificates are trusted: no one's, without TLS.
    #[derive(Clone, Default)]
    pub(crate) struct Trust {}

    impl Trust {
        pub(crate) fn connector(&self, _: Speaks) -> Connector {
            tcp()
        }
    }
}

#[cfg(feature = "tls")]
mod imp {
    use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
    use rustls::ClientConfig;

    use super::{HttpConnector, Speaks, tcp};
    use crate::tls::{public, trusting};

    pub(crate) type Connector = HttpsConnector<HttpConnector>;

    /// Whose certificates are trusted: the public authorities', where no others are given.
    #[derive(Clone, Default)]
    pub(crate) struct Trust {
        only: Option<ClientConfig>,
    }

    impl Trust {
        pub(crate) fn only(roots: &[u8]) -> mcsv_core::Result<Self> {
            Ok(Trust { only: Some(trusting(roots)?) })
        }

        pub(crate) fn connector(&self, speaks: Speaks) -> Connector {
            let mut tcp = tcp();
            tcp.enforce_http(false);
            let config = self.only.clone().unwrap_or_else(public);
            let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
            match speaks {
                Speaks::Http1 => builder.enable_http1().wrap_connector(tcp),
                Speaks::Http2 => builder.enable_http2().wrap_connector(tcp),
            }
        }
    }
}

pub(crate) use imp::{Connector, Trust};
