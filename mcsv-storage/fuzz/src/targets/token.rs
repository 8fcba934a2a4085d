//! A token that nobody signed is refused, whatever is in it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::ServiceExt;

use super::world::{block_on, world};

pub fn run(bytes: &[u8]) {
    block_on(async {
        let (_, signer) = world().await;
        let key = mcsv_storage::ObjectKey::parse("a/b.txt").expect("it is one");
        let genuine = signer.presign_get(&key).sign().expect("a base is there");
        let (_, genuine) = genuine.url().split_once("sig=").expect("the token is there");
        let genuine = URL_SAFE_NO_PAD.decode(genuine).expect("it was encoded");
        // As they came, and as changes of a genuine token.
        let changed: Vec<u8> = genuine
            .iter()
            .zip(bytes.iter().chain(std::iter::repeat(&0)))
            .map(|(byte, change)| byte ^ change)
            .collect();
        for token in [bytes, &changed, &[&genuine, bytes].concat(), &[bytes, &genuine].concat()] {
            if *token == *genuine {
                continue;
            }
            let url = format!("/files/a/b.txt?sig={}", URL_SAFE_NO_PAD.encode(token));
            let Ok(request) = Request::get(url).body(Full::<Bytes>::default()) else { continue };
            let answer = signer.service().oneshot(request).await.expect("it never fails");
            assert_eq!(answer.status(), 403, "{}", token.escape_ascii());
        }
    });
}
