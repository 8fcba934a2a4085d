use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// The payload hash of a URL that is signed before its content is known.
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// A request in the one spelling that both sides hash: [AWS Signature Version 4], task 1.
///
/// [AWS Signature Version 4]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
pub(crate) struct CanonicalRequest<'a> {
    pub(crate) method: &'a str,
    /// Encoded as by [`encode`], with its slashes.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// In the order of their names.
    pub(crate) headers: &'a [SignedHeader<'a>],
    /// Those names, by [`signed_headers`].
    pub(crate) names: &'a str,
    pub(crate) payload: &'a str,
}

/// A lower-case name, and a value of single spaces.
pub(crate) type SignedHeader<'a> = (&'a str, Cow<'a, str>);

impl CanonicalRequest<'_> {
    /// The hash of the request's text, which is nowhere as a whole.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let CanonicalRequest { method, path, query, headers, names, payload } = self;
        let mut hash = Sha256::new();
        let mut feed = |parts: &[&str]| parts.iter().for_each(|part| hash.update(part));
        feed(&[method, "\n", path, "\n", query, "\n"]);
        for (name, value) in *headers {
            feed(&[name, ":", value, "\n"]);
        }
        feed(&["\n", names, "\n", payload]);
        hash.finalize().into()
    }
}

/// The names of signed headers, as a signature lists them.
pub(crate) fn signed_headers(headers: &[SignedHeader<'_>]) -> String {
    let mut names = String::with_capacity(128);
    for (name, _) in headers {
        names.push_str(if names.is_empty() { "" } else { ";" });
        names.push_str(name);
    }
    names
}

/// A header's value as it is signed: runs of spaces count as one, and those at its ends as none.
pub(crate) fn single_spaced(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Appends a query in the order and spelling that is signed; it is also the one to send. The names,
/// which need no escape, are all different.
pub(crate) fn push_query(text: &mut String, pairs: &mut [(&str, &str)]) {
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { "&" });
        text.push_str(name);
        text.push('=');
        push_encoded(text, value, "");
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986, section 2.3, and those of `keep`,
/// which are ASCII.
pub(crate) fn encode(text: &str, keep: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 2);
    push_encoded(&mut encoded, text, keep);
    encoded
}

pub(crate) fn push_encoded(encoded: &mut String, text: &str, keep: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if PLAIN[usize::from(byte)] || keep.as_bytes().contains(&byte) {
            continue;
        }
        // What lies between two escapes is ASCII, so that no character is cut.
        if from < at {
            encoded.push_str(&text[from..at]);
        }
        encoded.push('%');
        encoded.push(digit(byte >> 4));
        encoded.push(digit(byte & 15));
        from = at + 1;
    }
    if from < text.len() {
        encoded.push_str(&text[from..]);
    }
}

/// Whether a byte is never escaped.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    let mut at = 0;
    while at < letters.len() {
        plain[letters[at] as usize] = true;
        at += 1;
    }
    plain
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::amz_date::AmzDate;
    use crate::sign::day_key::DayKey;
    use proptest::prelude::*;

    const ID: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const HOST: &str = "examplebucket.s3.amazonaws.com";
    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// 24 May 2013, the day of the examples in AWS's S3 reference.
    fn check(request: &CanonicalRequest<'_>, signature: &str) {
        let date = AmzDate::of(1_369_353_600);
        let key = DayKey::new(&date, "us-east-1", SECRET);
        assert_eq!(key.sign(&date, request), signature, "{} {}", request.method, request.query);
    }

    fn canonical_query(pairs: &[(&str, &str)]) -> String {
        let mut query = String::new();
        push_query(&mut query, &mut pairs.to_vec());
        query
    }

    fn headers<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<SignedHeader<'a>> {
        pairs.iter().map(|(name, value)| (*name, Cow::from(*value))).collect()
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
            names: "host",
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
            names: "host;range;x-amz-content-sha256;x-amz-date",
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
            names: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
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
                names: "host;x-amz-content-sha256;x-amz-date",
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
