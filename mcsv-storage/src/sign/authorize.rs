use std::time::SystemTime;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::location::percent_decode;
use crate::sign::account::Access;
use crate::sign::amz_date::AmzDate;
use crate::sign::bucket::Bucket;
use crate::sign::sigv4::{
    CanonicalRequest, SignedHeader, UNSIGNED_PAYLOAD, encode, push_query, signed_headers,
    single_spaced,
};

const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

impl Bucket {
    /// Signs a request of this process that is about to be sent, by headers that no `Debug` shows.
    pub(crate) fn authorize(
        &self,
        request: &mut Parts,
        access: &Access,
        now: SystemTime,
    ) -> Result<()> {
        let date = AmzDate::at(now);
        request.headers.insert(DATE, secret(date.as_str())?);
        let unsigned = HeaderValue::from_static(UNSIGNED_PAYLOAD);
        let payload = request.headers.entry(CONTENT_SHA256).or_insert(unsigned).clone();
        if let Some(token) = &access.session_token {
            request.headers.insert(SECURITY_TOKEN, secret(token.expose())?);
        }

        let url = Url::parse(&request.uri.to_string()).map_err(|e| fault("URL").with_source(e))?;
        let path = percent_decode(url.path()).ok_or_else(|| fault("path"))?;
        let pairs: Vec<_> = url.query_pairs().collect();
        let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        let mut query = String::new();
        push_query(&mut query, &mut pairs);
        let headers = headers_to_sign(&url, &request.headers)?;
        let names = signed_headers(&headers);
        let canonical = CanonicalRequest {
            method: request.method.as_str(),
            path: &encode(&path, "/"),
            query: &query,
            headers: &headers,
            names: &names,
            payload: payload.to_str().map_err(|e| fault("content hash").with_source(e))?,
        };
        let key = access.day_key.of(&date, &self.region, access.secret.expose());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={names}, Signature={}",
            access.id,
            key.scope(),
            key.sign(&date, &canonical),
        );
        request.headers.insert(AUTHORIZATION, secret(&authorization)?);
        Ok(())
    }
}

/// What S3 demands: the host, the type of the content, and all that begins with `x-amz-`.
fn headers_to_sign<'a>(url: &Url, headers: &'a HeaderMap) -> Result<Vec<SignedHeader<'a>>> {
    // As a client sends it: the port only where it is not the scheme's own.
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    let mut signed = vec![(HOST.as_str(), host.into())];
    for name in headers.keys().filter(|name| **name == CONTENT_TYPE || is_amz(name)) {
        let values = headers.get_all(name).iter().map(|value| value.to_str());
        let values = values.collect::<Result<Vec<_>, _>>();
        let values = values.map_err(|e| fault(name.as_str()).with_source(e))?.join(",");
        signed.push((name.as_str(), single_spaced(&values).into()));
    }
    signed.sort();
    Ok(signed)
}

fn is_amz(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-amz-")
}

fn secret(value: &str) -> Result<HeaderValue> {
    // The text of this error would be the value.
    let mut value = HeaderValue::from_str(value).map_err(|_| fault("credential"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn fault(part: &str) -> Error {
    Error::new(ErrorKind::Config, format!("request to the bucket: its {part} can't be signed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::account::Account;
    use crate::sign::bucket::{Addressing, BucketUrl};
    use crate::sign::day_key::LastDayKey;
    use http::Request;
    use mcsv_core::Secret;
    use std::sync::Arc;
    use std::time::{Duration, UNIX_EPOCH};

    /// The bucket of the examples in AWS's S3 reference.
    fn bucket(session_token: Option<&str>) -> Bucket {
        let url = "https://s3.amazonaws.com";
        let url = BucketUrl::new(url, "examplebucket", Addressing::VirtualHost).unwrap();
        Bucket {
            internal: url.clone(),
            public: url,
            region: "us-east-1".to_owned(),
            prefix: String::new(),
            account: Arc::new(Account::new(Access {
                id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
                secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
                session_token: session_token.map(|token| Secret::new(token.to_owned())),
                until: None,
                day_key: LastDayKey::default(),
            })),
        }
    }

    /// 24 May 2013, the day of these examples.
    const THEN: Duration = Duration::from_secs(1_369_353_600);

    fn authorize(bucket: &Bucket, request: http::request::Builder) -> Parts {
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        let access = bucket.account.access_until(0).unwrap();
        bucket.authorize(&mut head, &access, UNIX_EPOCH + THEN).unwrap();
        head
    }

    fn check(query: &str, signature: &str) {
        const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let url = format!("https://examplebucket.s3.amazonaws.com/?{query}");
        let request =
            Request::get(url).header(CONTENT_SHA256, NOTHING).header("range", "bytes=0-9");
        let head = authorize(&bucket(None), request);
        assert_eq!(
            head.headers[AUTHORIZATION].to_str().unwrap(),
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                 SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}"
            )
        );
    }

    #[test]
    fn signs_aws_examples_in_any_spelling() {
        let list = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        check("max-keys=2&prefix=J", list);
        check("prefix=%4a&max-keys=2", list);
        let lifecycle = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
        check("lifecycle", lifecycle);
        check("lifecycle=", lifecycle);
    }

    #[test]
    fn signs_what_s3_demands_and_shows_no_secret() {
        let request = Request::put("http://h:9000/b/a%20b")
            .header("x-amz-meta-job", " 1   7 ")
            .header("content-type", "text/plain")
            .header("content-length", "5");
        let head = authorize(&bucket(Some("hunter2")), request);

        assert_eq!(head.headers["x-amz-security-token"], "hunter2");
        assert_eq!(head.headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
        let signed = head.headers["authorization"].to_str().unwrap();
        let names = "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta-job;\
                     x-amz-security-token";
        assert!(signed.contains(&format!("SignedHeaders={names},")), "{signed}");
        let shown = format!("{head:?}");
        assert!(shown.contains("a%20b") && !shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains("Signature"), "{shown}");
    }
}
