use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue, Method, Request};

use crate::error::{Error, ErrorKind, Result};
use crate::sign::amz_date::AmzDate;
use crate::sign::bucket::Bucket;
use crate::sign::sigv4::{CanonicalRequest, Scope, canonical_query, encode, signed_headers};

/// The SHA-256 of no bytes.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl Bucket {
    /// A request without content that this process makes at the Unix second `now`; on the object
    /// `name`, which holds the prefix, or on the bucket itself if that is empty.
    ///
    /// It is signed in a header, so its URL is no secret and may be in an error.
    pub(crate) fn call(
        &self,
        method: Method,
        name: &str,
        query: &[(&str, &str)],
        now: u64,
    ) -> Result<Request<()>> {
        let date = AmzDate::of(now);
        let scope = Scope { date: &date, region: &self.region, service: "s3" };
        let mut headers = vec![
            (HOST.to_string(), self.internal.host.clone()),
            ("x-amz-content-sha256".to_owned(), NOTHING.to_owned()),
            ("x-amz-date".to_owned(), date.as_str().to_owned()),
        ];
        if let Some(token) = &self.access.session_token {
            headers.push(("x-amz-security-token".to_owned(), token.expose().clone()));
        }
        let path = format!("{}/{}", self.internal.path, encode(name, "/"));
        let query = canonical_query(query);
        let canonical = CanonicalRequest {
            method: method.as_str(),
            path: &path,
            query: &query,
            headers: &headers,
            payload: NOTHING,
        };
        let key = self.access.day_key.of(&scope, self.access.secret.expose());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
            self.access.id,
            scope.credential_scope(),
            signed_headers(&headers),
            scope.sign(key, &canonical.text()),
        );
        headers.push((AUTHORIZATION.to_string(), authorization));

        let url = format!("{}://{}{path}?{query}", self.internal.scheme, self.internal.host);
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(header_name(&name)?, secret_value(&value)?);
        }
        request.body(()).map_err(|e| fault("bucket call").with_source(e))
    }
}

fn header_name(name: &str) -> Result<HeaderName> {
    HeaderName::try_from(name).map_err(|e| fault(name).with_source(e))
}

/// A value that no `Debug` shows.
fn secret_value(value: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|e| fault("a credential that no header can hold").with_source(e))?;
    value.set_sensitive(true);
    Ok(value)
}

fn fault(what: &str) -> Error {
    Error::new(ErrorKind::Config, format!("storage URL s3: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::bucket::{Access, Addressing, BucketUrl};
    use crate::sign::day_key::DayKey;
    use mcsv_core::Secret;

    fn bucket(session_token: Option<&str>) -> Bucket {
        let url =
            || BucketUrl::new("https://s3.amazonaws.com", "examplebucket", Addressing::VirtualHost);
        Bucket {
            public: url().unwrap(),
            internal: url().unwrap(),
            region: "us-east-1".to_owned(),
            prefix: String::new(),
            access: Access {
                id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
                secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
                session_token: session_token.map(|token| Secret::new(token.to_owned())),
                day_key: DayKey::default(),
            },
        }
    }

    /// 24 May 2013, the day of the examples in AWS's S3 reference.
    const THEN: u64 = 1_369_353_600;

    #[test]
    fn makes_aws_example_of_a_listing() {
        let mut query = [("max-keys", "2"), ("prefix", "J")];
        query.reverse();
        let request = bucket(None).call(Method::GET, "", &query, THEN).unwrap();

        assert_eq!(request.uri(), "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J");
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert_eq!(
            authorization,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
             Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn shows_no_secret_of_a_call() {
        let request = bucket(Some("hunter2")).call(Method::DELETE, "a b", &[], THEN).unwrap();

        assert_eq!(request.headers()["x-amz-security-token"], "hunter2");
        let shown = format!("{request:?}");
        assert!(shown.contains("a%20b") && !shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains("Signature"), "{shown}");
    }
}
