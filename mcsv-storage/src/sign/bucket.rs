use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::object_key::ObjectKey;
use crate::object_meta::{SHA256, hex};
use crate::serve::disposition;
use crate::sign::account::Account;
use crate::sign::amz_date::AmzDate;
use crate::sign::claims::{Claims, Purpose};
use crate::sign::signed_request::SignedRequest;
use crate::sign::sigv4::{
    CanonicalRequest, SignedHeader, UNSIGNED_PAYLOAD, encode, push_encoded, push_query,
    signed_headers, single_spaced,
};

/// A bucket of an S3 service, as far as signing URLs for it goes. Nothing is sent.
pub(crate) struct Bucket {
    /// Where users reach the service, with the bucket in its host or path.
    pub(crate) public: BucketUrl,
    /// Where this process does.
    pub(crate) internal: BucketUrl,
    pub(crate) region: String,
    /// Before each key, with a `/` at its end; or empty.
    pub(crate) prefix: String,
    pub(crate) account: Arc<Account>,
}

/// A bucket's URL in the parts that are signed.
#[derive(Clone)]
pub(crate) struct BucketUrl {
    scheme: String,
    /// With the port where it is not the scheme's own: as a client sends it.
    host: String,
    /// Encoded, without a `/` at its end.
    path: String,
}

/// Where the bucket's name goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addressing {
    Path,
    VirtualHost,
}

/// The most bytes of one PUT to an S3 service.
const MAX_PUT: u64 = 5 << 30;

impl BucketUrl {
    pub(crate) fn new(endpoint: &str, bucket: &str, addressing: Addressing) -> Result<Self> {
        let fault = |rule: &str| Error::new(ErrorKind::Config, format!("S3 endpoint: {rule}"));
        let with_scheme = match endpoint.contains("://") {
            true => endpoint.to_owned(),
            false => format!("https://{endpoint}"),
        };
        let url = Url::parse(&with_scheme)
            .map_err(|e| fault("give a URL, such as https://s3.example").with_source(e))?;
        let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else {
            return Err(fault("give http or https and a host"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fault("it must hold no user and no password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(fault("it must end before ? and #"));
        }
        let mut authority = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
        let mut path = url.path().trim_end_matches('/').to_owned();
        match addressing {
            Addressing::Path => path = format!("{path}/{}", encode(bucket, "")),
            // The endpoint may name the bucket already.
            Addressing::VirtualHost if host.starts_with(&format!("{bucket}.")) => {}
            Addressing::VirtualHost => authority = format!("{bucket}.{authority}"),
        }
        Ok(BucketUrl { scheme: url.scheme().to_owned(), host: authority, path })
    }

    /// The URL of a request on the object `name`, or on the bucket itself if that is empty.
    #[cfg(feature = "s3")]
    pub(crate) fn of(&self, name: &str, query: &mut [(&str, &str)]) -> String {
        let name = encode(name, "/");
        let mut url = format!("{}://{}{}/{name}?", self.scheme, self.host, self.path);
        push_query(&mut url, query);
        url
    }
}

impl Bucket {
    /// Makes the URL by which the bucket itself grants `claims`, from the Unix second `signed_at` on.
    pub(crate) fn presign(
        &self,
        at: &BucketUrl,
        key: &ObjectKey,
        claims: &Claims,
        signed_at: u64,
    ) -> Result<SignedRequest> {
        let access = self.account.access_until(claims.expires_at)?;
        let date = AmzDate::of(signed_at);
        let day_key = access.day_key.of(&date, &self.region, access.secret.expose());
        let must = demanded_headers(claims)?;
        let headers = headers_to_sign(at, &must)?;

        let credential = [&access.id, "/", day_key.scope()].concat();
        let life = claims.expires_at.saturating_sub(signed_at).to_string();
        let names = signed_headers(&headers);
        let overrides = overrides(key, claims);
        let mut query = Vec::with_capacity(12);
        query.extend([
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", date.as_str()),
            ("X-Amz-Expires", &life),
        ]);
        if let Some(token) = &access.session_token {
            query.push(("X-Amz-Security-Token", token.expose()));
        }
        query.push(("X-Amz-SignedHeaders", &names));
        query.extend(overrides.iter().map(|(name, value)| (*name, value.as_ref())));

        let mut url = String::with_capacity(1024);
        url.extend([&at.scheme, "://", &at.host]);
        let path = url.len();
        url.extend([&at.path, "/"]);
        push_encoded(&mut url, &self.prefix, "/");
        // A key has nothing to escape.
        url.extend([key.as_str(), "?"]);
        let query_at = url.len();
        push_query(&mut url, &mut query);

        let method = match claims.purpose {
            Purpose::Get => Method::GET,
            Purpose::Put => Method::PUT,
        };
        let request = CanonicalRequest {
            method: method.as_str(),
            path: &url[path..query_at - 1],
            query: &url[query_at..],
            headers: &headers,
            names: &names,
            payload: UNSIGNED_PAYLOAD,
        };
        let signature = day_key.sign(&date, &request);
        url.extend(["&X-Amz-Signature=", &signature]);
        Ok(SignedRequest::direct(method, url, must, claims.expires_at))
    }
}

/// The host and what is demanded, in the order of their names.
fn headers_to_sign<'a>(at: &'a BucketUrl, must: &'a HeaderMap) -> Result<Vec<SignedHeader<'a>>> {
    let mut headers = vec![(HOST.as_str(), Cow::from(&at.host))];
    for (name, value) in must {
        let value = value.to_str().map_err(|e| {
            Error::new(ErrorKind::InvalidOption, format!("header {name}")).with_source(e)
        })?;
        headers.push((name.as_str(), single_spaced(value).into()));
    }
    headers.sort();
    Ok(headers)
}

/// What the bucket will hold a PUT to: each header is signed, so that a request without it, or with
/// another value, has another signature.
fn demanded_headers(claims: &Claims) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    if claims.purpose == Purpose::Get {
        return Ok(headers);
    }
    if claims.max_len.is_some() && claims.exact_len.is_none() {
        let message = "max_len: a URL of a bucket can't bound a length: give exact_len, or relay";
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    if let Some(len) = claims.exact_len {
        if len > MAX_PUT {
            let message = format!("exact length {len}: a bucket takes at most 5 GiB by one PUT");
            return Err(Error::new(ErrorKind::InvalidOption, message));
        }
        headers.insert(CONTENT_LENGTH, len.into());
    }
    let mut insert = |name: HeaderName, value: &str| {
        let value = HeaderValue::from_str(value)
            .map_err(|e| Error::new(ErrorKind::InvalidOption, name.as_str()).with_source(e))?;
        headers.insert(name, value);
        Ok::<(), Error>(())
    };
    if let Some(media_type) = &claims.content_type {
        insert(CONTENT_TYPE, media_type)?;
    }
    if let Some(sha256) = &claims.sha256 {
        const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");
        insert(CHECKSUM, &STANDARD.encode(sha256))?;
        // The bucket has checked it by then; here it is where `stat` looks for it.
        let recorded = HeaderName::try_from(format!("x-amz-meta-{SHA256}"))
            .map_err(|e| Error::new(ErrorKind::Internal, SHA256).with_source(e))?;
        insert(recorded, &hex(sha256))?;
    }
    if claims.create_only {
        insert(IF_NONE_MATCH, "*")?;
    }
    Ok(headers)
}

/// What the bucket shall answer a GET with, as the relay does by itself: a download, that no shared
/// cache keeps and no cache keeps longer than the URL lives.
fn overrides<'a>(key: &ObjectKey, claims: &'a Claims) -> Vec<(&'static str, Cow<'a, str>)> {
    if claims.purpose == Purpose::Put {
        return Vec::new();
    }
    let name = claims.filename.as_deref().unwrap_or(key.file_name());
    let end = UNIX_EPOCH + Duration::from_secs(claims.expires_at);
    let mut overrides = Vec::with_capacity(4);
    overrides.extend([
        ("response-cache-control", "private".into()),
        ("response-content-disposition", disposition(claims, name).into()),
        ("response-expires", httpdate::fmt_http_date(end).into()),
    ]);
    if let Some(media_type) = &claims.content_type {
        overrides.push(("response-content-type", media_type.into()));
    }
    overrides
}
