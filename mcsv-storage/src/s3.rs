use std::env;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Request, Response, StatusCode};
use mcsv_core::Secret;
use opendal::layers::{RetryLayer, TimeoutLayer};
use opendal::{Buffer, HttpBody, HttpTransport, HttpTransporter, Operator, services};
use opendal_http_transport_reqwest::ReqwestTransport;

use crate::error::{Error, ErrorKind, Outage, Result, from_opendal};
use crate::location::S3Location;
use crate::s3_role;
use crate::sign::{Access, Account, Addressing, Bucket, BucketUrl, LastDayKey};

/// Opens a bucket, and says what signs URLs for it, where this crate knows how. No connection is made
/// yet.
pub(crate) fn open(location: &S3Location) -> Result<(Operator, Option<Arc<Bucket>>)> {
    let client = client()?;
    let bucket = bucket(location, &client)?.map(Arc::new);
    let mut builder = services::S3::default()
        .bucket(&location.bucket)
        .root(&format!("/{}", location.prefix))
        .region(region(location));
    if let Some(endpoint) = endpoint(location) {
        builder = builder.endpoint(&endpoint);
    }
    if bucket.is_some() {
        builder = builder.skip_signature().disable_config_load();
    } else if let (Some(id), Some(secret)) = (&location.access_key_id, &location.secret_access_key)
    {
        builder = builder.access_key_id(id).secret_access_key(secret).disable_config_load();
        if let Some(token) = &location.session_token {
            builder = builder.session_token(token);
        }
    }
    if location.virtual_host {
        builder = builder.enable_virtual_host_style();
    }
    let operator = Operator::new(builder).map_err(|e| from_opendal(e, "storage URL s3"))?;
    let transport = Transport { bucket: bucket.clone(), inner: ReqwestTransport::new(client) };
    let context = operator.context().clone().with_http_transport(HttpTransporter::new(transport));
    // The retry is outside, so that each attempt has a time limit of its own.
    let operator = operator
        .with_context(context)
        .layer(TimeoutLayer::default().with_timeout(CONTROL).with_io_timeout(TRANSFER))
        .layer(RetryLayer::default().with_max_times(3));
    Ok((operator, bucket))
}

/// A bucket outside AWS has any name of a region; this is the customary one.
fn region(location: &S3Location) -> &str {
    location.region.as_deref().unwrap_or("us-east-1")
}

/// Where the service is, if it is not AWS. Who takes credentials from the environment takes that from
/// there, too.
fn endpoint(location: &S3Location) -> Option<String> {
    const NAMES: [&str; 3] = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_S3_ENDPOINT"];
    let said = location.endpoint.clone();
    said.or_else(|| match location.access_key_id {
        Some(_) => None,
        None => NAMES.into_iter().find_map(from_env),
    })
}

fn bucket(location: &S3Location, client: &reqwest::Client) -> Result<Option<Bucket>> {
    // A directory bucket wants sessions of its own, which opendal knows to hold.
    if location.bucket.ends_with("--x-s3") {
        return Ok(None);
    }
    let account = match access(location) {
        Some(access) => Account::new(access),
        None => Account::of_role(s3_role::ask(client.clone())),
    };
    let of_aws = format!("https://s3.{}.amazonaws.com", region(location));
    let internal = match endpoint(location) {
        // opendal, too, goes to the region when it is given the name of all regions.
        Some(endpoint)
            if !["", "https://s3.amazonaws.com", "s3.amazonaws.com"].contains(&&*endpoint) =>
        {
            endpoint
        }
        _ => of_aws,
    };
    let public = location.public_endpoint.as_deref().unwrap_or(&internal);
    let addressing = if location.virtual_host { Addressing::VirtualHost } else { Addressing::Path };
    let slash = if location.prefix.is_empty() { "" } else { "/" };
    Ok(Some(Bucket {
        public: BucketUrl::new(public, &location.bucket, addressing)?,
        internal: BucketUrl::new(&internal, &location.bucket, addressing)?,
        region: region(location).to_owned(),
        prefix: format!("{}{slash}", location.prefix),
        account: Arc::new(account),
    }))
}

/// The credentials that are known without asking anybody.
fn access(location: &S3Location) -> Option<Access> {
    let (id, secret, token) = match (&location.access_key_id, &location.secret_access_key) {
        (Some(id), Some(secret)) => (id.clone(), secret.clone(), location.session_token.clone()),
        _ => (
            from_env("AWS_ACCESS_KEY_ID")?,
            from_env("AWS_SECRET_ACCESS_KEY")?,
            from_env("AWS_SESSION_TOKEN"),
        ),
    };
    let (secret, session_token) = (Secret::new(secret), token.map(Secret::new));
    Some(Access { id, secret, session_token, until: None, day_key: LastDayKey::default() })
}

fn from_env(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Signs what opendal sends to a bucket.
///
/// opendal would sign, too, but the library by which it does writes the credentials that it was given
/// into its debug log.
struct Transport {
    bucket: Option<Arc<Bucket>>,
    inner: ReqwestTransport,
}

impl HttpTransport for Transport {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let (mut head, body) = request.into_parts();
        if let Some(bucket) = &self.bucket {
            let now = SystemTime::now();
            let access = bucket.account.access(now).await.map_err(unsigned)?;
            bucket.authorize(&mut head, &access, now).map_err(unsigned)?;
        }
        let fetching = self.inner.fetch(Request::from_parts(head, body));
        let answer = tokio::time::timeout(ATTEMPT, fetching).await;
        let answer = answer.map_err(|_| outage(format!("no answer in {ATTEMPT:?}")))??;
        match answer.status() {
            status if is_outage(status) => Err(outage(format!("status {status}"))),
            _ => Ok(answer),
        }
    }
}

/// That a request can't be signed, now or at all.
fn unsigned(error: Error) -> opendal::Error {
    if error.is_retryable() {
        return outage(error.to_string());
    }
    let kind = match error.kind() {
        ErrorKind::PermissionDenied => opendal::ErrorKind::PermissionDenied,
        _ => opendal::ErrorKind::ConfigInvalid,
    };
    opendal::Error::new(kind, "the request can't be signed").set_source(error)
}

/// How long a service may take to begin its answer. opendal's own limits are longer, because their
/// errors don't tell what they were.
const ATTEMPT: Duration = Duration::from_secs(29);

/// opendal's limit of what is one request.
const CONTROL: Duration = Duration::from_secs(30);

/// opendal's limit of a step of a transfer: the last step of an upload is two requests.
const TRANSFER: Duration = Duration::from_secs(60);

/// Whether the same request may pass later.
fn is_outage(status: StatusCode) -> bool {
    match status.as_u16() {
        501 | 505 => false,
        status => matches!(status, 429 | 499 | 500..),
    }
}

fn outage(what: String) -> opendal::Error {
    let error = opendal::Error::new(opendal::ErrorKind::Unexpected, "the service is away");
    error.set_temporary().set_source(Outage(what))
}

fn client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(crate::tls::config()?)
        .no_proxy()
        // A request is signed for one host: sent on to another, it could only tell what it carries.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .build()
        .map_err(|e| Error::new(ErrorKind::Config, "no HTTP client").with_source(e))
}
