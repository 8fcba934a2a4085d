use std::sync::{Arc, Mutex, PoisonError};

use hmac::Mac;

use crate::object_meta::hex;
use crate::sign::amz_date::AmzDate;
use crate::sign::keys::HmacSha256;
use crate::sign::sigv4::CanonicalRequest;

/// What a secret comes to on one day, in one region, for S3. To derive it takes as long as all the
/// rest of a signature.
pub(crate) struct DayKey {
    /// `day/region/service/aws4_request`.
    scope: String,
    /// Ready to sign: the key itself is hashed.
    key: HmacSha256,
}

impl DayKey {
    pub(crate) fn new(date: &AmzDate, region: &str, secret: &str) -> Self {
        let scope = [date.day(), region, "s3", "aws4_request"].join("/");
        let mut key = keyed(format!("AWS4{secret}").as_bytes());
        for part in scope.split('/') {
            key.update(part.as_bytes());
            key = keyed(&key.finalize().into_bytes());
        }
        DayKey { scope, key }
    }

    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }

    /// Signs a request of this day: [AWS Signature Version 4], tasks 2 and 3.
    ///
    /// [AWS Signature Version 4]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    pub(crate) fn sign(&self, date: &AmzDate, request: &CanonicalRequest<'_>) -> String {
        let mut signature = self.key.clone();
        let request = hex(&request.digest());
        for text in ["AWS4-HMAC-SHA256\n", date.as_str(), "\n", &self.scope, "\n", &request] {
            signature.update(text.as_bytes());
        }
        hex(&signature.finalize().into_bytes())
    }
}

fn keyed(key: &[u8]) -> HmacSha256 {
    // HMAC takes a key of any length (RFC 2104, section 2).
    <HmacSha256 as Mac>::new_from_slice(key).expect("HMAC takes any key")
}

/// The key of the last day that was asked for, always of the same secret and region.
#[derive(Default)]
pub(crate) struct LastDayKey(Mutex<Option<Arc<DayKey>>>);

impl LastDayKey {
    pub(crate) fn of(&self, date: &AmzDate, region: &str, secret: &str) -> Arc<DayKey> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(key) if key.scope.starts_with(date.day()) => Arc::clone(key),
            _ => Arc::clone(last.insert(Arc::new(DayKey::new(date, region, secret)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::sigv4::UNSIGNED_PAYLOAD;

    #[test]
    fn each_day_has_a_key_of_its_own() {
        let last = LastDayKey::default();
        let request = CanonicalRequest {
            method: "GET",
            path: "/",
            query: "",
            headers: &[],
            names: "",
            payload: UNSIGNED_PAYLOAD,
        };
        let sign = |day: u64| {
            let date = AmzDate::of(day * 86_400);
            let kept = last.of(&date, "us-east-1", "secret").sign(&date, &request);
            let derived = DayKey::new(&date, "us-east-1", "secret").sign(&date, &request);
            assert_eq!(kept, derived, "{day}");
            kept
        };
        let [first, again, next, back] = [1, 1, 2, 1].map(sign);
        assert_eq!([&first, &first], [&again, &back]);
        assert_ne!(first, next);
    }
}
