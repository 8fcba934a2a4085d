use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;

use crate::error::{Error, ErrorKind, Result};
use crate::object_key::ObjectKey;
use crate::sign::claims::Claims;
use crate::sign::keys::{HmacSha256, SigningKeys};

/// The only version so far.
const VERSION: u8 = 1;

/// Names what is signed, so that a signature of another kind under the same secret is none here.
const DOMAIN: &[u8] = b"mcsv-storage signed url v1\0";

/// The longest token in a URL; the longest that is made is about 1,000 bytes.
const LONGEST: usize = 2048;

const MAC_LEN: usize = 32;

/// Signs `claims` on `key`: base64url of version, key id, claims and HMAC-SHA256.
pub(crate) fn sign(keys: &SigningKeys, key: &ObjectKey, claims: &Claims) -> String {
    let (id, mac) = keys.first();
    let mut token = Vec::with_capacity(160);
    token.push(VERSION);
    // An id has at most 32 bytes.
    token.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
    token.extend(id.as_bytes());
    claims.encode(&mut token);
    let tag = digest(mac, &token, key).finalize().into_bytes();
    token.extend(tag);
    URL_SAFE_NO_PAD.encode(token)
}

/// The claims of `token`, if it was signed for `key` and not changed by a single bit.
///
/// Nothing in the token is believed, beyond which secret to try, before its signature is found
/// right in constant time.
pub(crate) fn verify(keys: &SigningKeys, key: &ObjectKey, token: &str) -> Result<Claims> {
    let refused = || Error::new(ErrorKind::Signature, "signed URL: the signature is not right");
    if token.len() > LONGEST {
        return Err(refused());
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
    let (body, tag) = bytes.split_last_chunk::<MAC_LEN>().ok_or_else(refused)?;
    let [VERSION, id_len, rest @ ..] = body else { return Err(refused()) };
    let (id, claims) = rest.split_at_checked(usize::from(*id_len)).ok_or_else(refused)?;
    let id = std::str::from_utf8(id).map_err(|_| refused())?;
    let mac = keys.find(id).ok_or_else(refused)?;
    digest(mac, body, key).verify_slice(tag).map_err(|_| refused())?;
    Claims::decode(claims)
}

fn digest(mut mac: HmacSha256, body: &[u8], key: &ObjectKey) -> HmacSha256 {
    mac.update(DOMAIN);
    // The length keeps a byte from moving between the body and the key.
    mac.update(&(body.len() as u64).to_be_bytes());
    mac.update(body);
    mac.update(key.as_str().as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::claims::Purpose;
    use proptest::prelude::*;

    fn key(text: &str) -> ObjectKey {
        ObjectKey::parse(text).unwrap()
    }

    fn any_claims() -> impl Strategy<Value = Claims> {
        let texts =
            (proptest::option::of("[a-z]{1,20}/[a-z]{1,20}"), proptest::option::of(".{0,60}"));
        let numbers = (any::<u64>(), any::<Option<u64>>(), any::<Option<u64>>());
        (texts, numbers, any::<Option<[u8; 32]>>(), any::<[bool; 3]>()).prop_map(
            |((content_type, filename), (expires_at, exact_len, max_len), sha256, flags)| Claims {
                purpose: if flags[0] { Purpose::Get } else { Purpose::Put },
                expires_at,
                content_type,
                filename,
                exact_len,
                max_len,
                sha256,
                create_only: flags[1],
                inline: flags[2],
            },
        )
    }

    proptest! {
        #[test]
        fn reads_back_what_was_signed(claims in any_claims()) {
            let keys = SigningKeys::random().unwrap();
            let token = sign(&keys, &key("a/b"), &claims);

            prop_assert_eq!(verify(&keys, &key("a/b"), &token).unwrap(), claims);
        }

        #[test]
        fn refuses_any_other_character_anywhere(
            claims in any_claims(),
            at in any::<prop::sample::Index>(),
            other in "[A-Za-z0-9_=+/.-]",
        ) {
            let keys = SigningKeys::random().unwrap();
            let mut token = sign(&keys, &key("a/b"), &claims);
            let at = at.index(token.len());
            prop_assume!(token[at..=at] != other);
            token.replace_range(at..=at, &other);

            prop_assert!(verify(&keys, &key("a/b"), &token).is_err());
        }

        #[test]
        fn never_panics_on_a_token(token in ".{0,200}", bytes in any::<Vec<u8>>()) {
            let keys = SigningKeys::random().unwrap();
            prop_assert!(verify(&keys, &key("a"), &token).is_err());
            prop_assert!(verify(&keys, &key("a"), &URL_SAFE_NO_PAD.encode(&bytes)).is_err());
            if let Ok(claims) = Claims::decode(&bytes) {
                let mut again = Vec::new();
                claims.encode(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }

    #[test]
    fn a_token_is_of_one_object_and_one_secret() {
        let keys = SigningKeys::random().unwrap();
        let token = sign(&keys, &key("a/b"), &Claims::new(Purpose::Get, 1));

        assert!(verify(&keys, &key("a/b"), &token).is_ok());
        for other in ["a/c", "A/b", "a/b.", "a"] {
            assert!(verify(&keys, &key(other), &token).is_err(), "{other}");
        }
        assert!(verify(&SigningKeys::random().unwrap(), &key("a/b"), &token).is_err());
    }

    #[test]
    fn an_older_key_verifies_and_the_first_one_signs() {
        let [a, b] = ["a", "b"].map(|id| format!("{id}:{}", id.repeat(42) + "A"));
        let old = SigningKeys::parse(&a).unwrap();
        let both = SigningKeys::parse(&format!("{b},{a}")).unwrap();
        let claims = Claims::new(Purpose::Get, 1);

        assert!(verify(&both, &key("k"), &sign(&old, &key("k"), &claims)).is_ok());
        assert!(verify(&old, &key("k"), &sign(&both, &key("k"), &claims)).is_err());
    }
}
