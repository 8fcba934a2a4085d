use std::time::Duration;

use opendal::layers::{RetryLayer, TimeoutLayer};
use opendal::{Operator, services};
use opendal_http_transport_reqwest::ReqwestTransport;

use crate::error::{Error, ErrorKind, Result, from_opendal};
use crate::location::S3Location;

/// Opens a bucket. No connection is made yet.
pub(crate) fn open(location: &S3Location) -> Result<Operator> {
    let mut builder = services::S3::default()
        .bucket(&location.bucket)
        .root(&format!("/{}", location.prefix))
        // A bucket outside AWS has any name of a region; this is the customary one.
        .region(location.region.as_deref().unwrap_or("us-east-1"));
    if let Some(endpoint) = &location.endpoint {
        builder = builder.endpoint(endpoint);
    }
    if let (Some(id), Some(secret)) = (&location.access_key_id, &location.secret_access_key) {
        builder = builder.access_key_id(id).secret_access_key(secret).disable_config_load();
    }
    if location.virtual_host {
        builder = builder.enable_virtual_host_style();
    }
    let operator = Operator::new(builder).map_err(|e| from_opendal(e, "storage URL s3"))?;
    let context = operator.context().clone().with_http_transport(transport()?);
    // The retry is outside, so that each attempt has a time limit of its own.
    Ok(operator
        .with_context(context)
        .layer(TimeoutLayer::default().with_timeout(Duration::from_secs(30)))
        .layer(RetryLayer::default().with_max_times(3)))
}

fn transport() -> Result<opendal::HttpTransporter> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(crate::tls::config()?)
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .build()
        .map_err(|e| Error::new(ErrorKind::Config, "no HTTP client").with_source(e))?;
    Ok(opendal::HttpTransporter::new(ReqwestTransport::new(client)))
}
