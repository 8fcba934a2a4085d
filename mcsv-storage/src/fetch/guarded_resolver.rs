use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::fetch::address::private_class;
use crate::fetch::refusal::Refusal;

/// Resolves a name once and hands out its addresses only if every one is public.
///
/// The connection is made to what was checked here: a name that changes between a check and a
/// connection (DNS rebinding) finds no gap.
pub(crate) struct GuardedResolver;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is the URL's: this one is a place holder.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            match found.iter().find_map(|address| private_class(address.ip())) {
                Some(class) => Err(Refusal(class).into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::fetch::origin::Origin;
    use crate::fetch::transport_error::transport_error;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_and_not_merely_unreachable() {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(crate::tls::config().unwrap())
            .no_proxy()
            .dns_resolver(Arc::new(GuardedResolver))
            .build()
            .unwrap();
        let origin = Origin::parse("http://localhost").unwrap();

        let error = client.get("http://localhost/?secret").send().await.unwrap_err();

        let error = transport_error(error, &origin);
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(!error.is_retryable());
        assert!(!format!("{error:?}").contains("secret"));
    }
}
