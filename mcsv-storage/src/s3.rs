use std::env;
use std::time::Duration;

use mcsv_core::Secret;
use opendal::layers::{RetryLayer, TimeoutLayer};
use opendal::{Operator, services};
use opendal_http_transport_reqwest::ReqwestTransport;

use crate::error::{Error, ErrorKind, Result, from_opendal};
use crate::location::S3Location;
use crate::sign::{Access, Addressing, Bucket, BucketUrl, DayKey};

/// Opens a bucket. No connection is made yet.
pub(crate) fn open(location: &S3Location) -> Result<Operator> {
    let mut builder = services::S3::default()
        .bucket(&location.bucket)
        .root(&format!("/{}", location.prefix))
        .region(region(location));
    if let Some(endpoint) = &location.endpoint {
        builder = builder.endpoint(endpoint);
    }
    if let (Some(id), Some(secret)) = (&location.access_key_id, &location.secret_access_key) {
        builder = builder.access_key_id(id).secret_access_key(secret).disable_config_load();
    }
    if let Some(token) = &location.session_token {
        builder = builder.session_token(token);
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

/// A bucket outside AWS has any name of a region; this is the customary one.
fn region(location: &S3Location) -> &str {
    location.region.as_deref().unwrap_or("us-east-1")
}

/// What signs URLs for the bucket, if its credentials are known without asking anybody.
pub(crate) fn bucket(location: &S3Location) -> Result<Option<Bucket>> {
    let Some(access) = access(location) else { return Ok(None) };
    let of_aws = format!("https://s3.{}.amazonaws.com", region(location));
    let internal = match location.endpoint.as_deref() {
        // opendal, too, goes to the region when it is given the name of all regions.
        None | Some("" | "https://s3.amazonaws.com" | "s3.amazonaws.com") => &of_aws,
        Some(endpoint) => endpoint,
    };
    let public = location.public_endpoint.as_deref().unwrap_or(internal);
    let addressing = if location.virtual_host { Addressing::VirtualHost } else { Addressing::Path };
    let slash = if location.prefix.is_empty() { "" } else { "/" };
    Ok(Some(Bucket {
        public: BucketUrl::new(public, &location.bucket, addressing)?,
        internal: BucketUrl::new(internal, &location.bucket, addressing)?,
        region: region(location).to_owned(),
        prefix: format!("{}{slash}", location.prefix),
        access,
    }))
}

fn access(location: &S3Location) -> Option<Access> {
    let from_env = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let (id, secret, token) = match (&location.access_key_id, &location.secret_access_key) {
        (Some(id), Some(secret)) => (id.clone(), secret.clone(), location.session_token.clone()),
        _ => (
            from_env("AWS_ACCESS_KEY_ID")?,
            from_env("AWS_SECRET_ACCESS_KEY")?,
            from_env("AWS_SESSION_TOKEN"),
        ),
    };
    let (secret, session_token) = (Secret::new(secret), token.map(Secret::new));
    Some(Access { id, secret, session_token, day_key: DayKey::default() })
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
