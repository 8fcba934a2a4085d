use hmac::Mac;
use sha2::{Digest, Sha256};

use crate::object_meta::hex;
use crate::sign::amz_date::AmzDate;
use crate::sign::keys::HmacSha256;

/// The payload hash of a URL that is signed before its content is known.
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Where and when a signature of AWS's version 4 holds.
pub(crate) struct Scope<'a> {
    date: &'a AmzDate,
    /// `day/region/service/aws4_request`.
    text: String,
}

const SERVICE: &str = "s3";

impl<'a> Scope<'a> {
    pub(crate) fn new(date: &'a AmzDate, region: &str) -> Self {
        Scope { date, text: [date.day(), region, SERVICE, "aws4_request"].join("/") }
    }

    pub(crate) fn date(&self) -> &AmzDate {
        self.date
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Signs a canonical request: [AWS Signature Version 4], tasks 2 and 3.
    ///
    /// [AWS Signature Version 4]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    pub(crate) fn sign(&self, key: SigningKey, canonical_request: &str) -> String {
        let request = hex(&Sha256::digest(canonical_request));
        let text = ["AWS4-HMAC-SHA256", self.date.as_str(), &self.text, &request].join("\n");
        hex(&tag(key.0, &text))
    }

    /// What a secret comes to on this day, in this region, for this service.
    pub(crate) fn signing_key(&self, secret: &str) -> SigningKey {
        let mut key = keyed(format!("AWS4{secret}").as_bytes());
        for part in self.text.split('/') {
            key = keyed(&tag(key, part));
        }
        SigningKey(key)
    }
}

/// A key of one day, ready to sign. To derive it takes longer than to sign with it.
#[derive(Clone)]
pub(crate) struct SigningKey(HmacSha256);

fn keyed(key: &[u8]) -> HmacSha256 {
    // HMAC takes a key of any length (RFC 2104, section 2).
    <HmacSha256 as Mac>::new_from_slice(key).expect("HMAC takes any key")
}

fn tag(mut mac: HmacSha256, text: &str) -> [u8; 32] {
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// A request in the one spelling that both sides hash.
pub(crate) struct CanonicalRequest<'a> {
    pub(crate) method: &'a str,
    /// Encoded as by [`encode`], with its slashes.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// Lower-case names in order, values trimmed.
    pub(crate) headers: &'a [(String, String)],
    pub(crate) payload: &'a str,
}

impl CanonicalRequest<'_> {
    pub(crate) fn text(&self) -> String {
        let CanonicalRequest { method, path, query, headers, payload } = self;
        let names = signed_headers(headers);
        let len = |(name, value): &(String, String)| name.len() + value.len() + 2;
        let rest = headers.iter().map(len).sum::<usize>() + names.len() + payload.len() + 16;
        let mut text = String::with_capacity(path.len() + query.len() + rest);
        for line in [method, path, query] {
            text.extend([line, "\n"]);
        }
        for (name, value) in *headers {
            text.extend([name, ":", value, "\n"]);
        }
        text.extend(["\n", &names, "\n", payload]);
        text
    }
}

/// The names of signed headers, as a signature lists them.
pub(crate) fn signed_headers(headers: &[(String, String)]) -> String {
    let mut names = String::with_capacity(128);
    for (name, _) in headers {
        names.extend([if names.is_empty() { "" } else { ";" }, name]);
    }
    names
}

/// A query in the order and spelling that is signed; it is also the one to send. The names, which
/// need no escape, are all different.
pub(crate) fn canonical_query(pairs: &[(&str, &str)]) -> String {
    let mut pairs = pairs.to_vec();
    pairs.sort_unstable();
    let mut query = String::with_capacity(1024);
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        encode_into(&mut query, value, "");
    }
    query
}

/// Percent-encodes all but the unreserved characters of RFC 3986, section 2.3, and those of `keep`.
pub(crate) fn encode(text: &str, keep: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 2);
    encode_into(&mut encoded, text, keep);
    encoded
}

fn encode_into(encoded: &mut String, text: &str, keep: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let kept = |byte: u8| plain(byte) || keep.as_bytes().contains(&byte);
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| !kept(byte)) {
        encoded.push_str(&rest[..at]);
        // What is kept is ASCII, so that a character begins here; its bytes are all escaped.
        let len = rest[at..].chars().next().map_or(1, char::len_utf8);
        for byte in rest[at..at + len].bytes() {
            let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
            encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
        rest = &rest[at + len..];
    }
    encoded.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const HOST: &str = "examplebucket.s3.amazonaws.com";
    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// 24 May 2013, the day of the examples in AWS's S3 reference.
    fn check(request: &CanonicalRequest<'_>, signature: &str) {
        let date = AmzDate::of(1_369_353_600);
        let scope = Scope::new(&date, "us-east-1");
        let key = scope.signing_key(SECRET);
        assert_eq!(scope.sign(key, &request.text()), signature, "{}", request.text());
    }

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn signs_aws_example_of_a_presigned_url() {
        let query = canonical_query(&[
            ("X-Amz-SignedHeaders", "host"),
            ("X-Amz-Expires", "86400"),
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Date", "20130524T000000Z"),
            ("X-Amz-Credential", &format!("{ID}/20130524/us-east-1/s3/aws4_request")),
        ]);
        let request = CanonicalRequest {
            method: "GET",
            path: "/test.txt",
            query: &query,
            headers: &headers(&[("host", HOST)]),
            payload: UNSIGNED_PAYLOAD,
        };
        check(&request, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    }

    #[test]
    fn signs_aws_example_of_a_get_with_a_range() {
        let request = CanonicalRequest {
            method: "GET",
            path: "/test.txt",
            query: "",
            headers: &headers(&[
                ("host", HOST),
                ("range", "bytes=0-9"),
                ("x-amz-content-sha256", NOTHING),
                ("x-amz-date", "20130524T000000Z"),
            ]),
            payload: NOTHING,
        };
        check(&request, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    }

    #[test]
    fn signs_aws_example_of_a_put() {
        let payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        let request = CanonicalRequest {
            method: "PUT",
            path: &encode("/test$file.text", "/"),
            query: "",
            headers: &headers(&[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("host", HOST),
                ("x-amz-content-sha256", payload),
                ("x-amz-date", "20130524T000000Z"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ]),
            payload,
        };
        check(&request, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    }

    #[test]
    fn signs_aws_examples_of_queries() {
        for (pairs, signature) in [
            (
                &[("lifecycle", "")][..],
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                &[("prefix", "J"), ("max-keys", "2")][..],
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let request = CanonicalRequest {
                method: "GET",
                path: "/",
                query: &canonical_query(pairs),
                headers: &headers(&[
                    ("host", HOST),
                    ("x-amz-content-sha256", NOTHING),
                    ("x-amz-date", "20130524T000000Z"),
                ]),
                payload: NOTHING,
            };
            check(&request, signature);
        }
    }

    proptest! {
        #[test]
        fn an_encoded_text_is_plain_and_decodes_to_itself(text in ".{0,40}") {
            let encoded = encode(&text, "");
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
            prop_assert!(encoded.bytes().all(plain));
            let parsed: Vec<_> = url::form_urlencoded::parse(encoded.as_bytes()).collect();
            prop_assert_eq!(parsed.first().map_or("", |(name, _)| name), text.as_str());
        }
    }
}
