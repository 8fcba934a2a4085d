//! URLs from settings and from strangers: each is read or refused, and no secret is repeated.

use mcsv_storage::{ErrorKind, FetchPolicy, Fetcher, SigningKeys, Store};

use super::world::{block_on, world};

/// In a query, this is what no error may hold.
const SECRET: &str = "hunter2hunter2";

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    block_on(async {
        open(text);
        let (_, signer) = world().await;
        if let Ok(signer) = signer.clone().with_public_base(text) {
            let key = mcsv_storage::ObjectKey::parse("k").expect("it is one");
            let link = signer.presign_get(&key).sign().expect("a base is there");
            let path = link.url().split('?').next().unwrap_or_default();
            assert!(path.ends_with("/k") && link.url().parse::<http::Uri>().is_ok(), "{text:?}");
        }
        let _ = signer.service().with_allowed_origin(text);
        let _ = SigningKeys::parse(text);
        fetch(text).await;
    });
}

fn open(text: &str) {
    // A folder would be made.
    if text.trim_start().get(..2).is_some_and(|scheme| scheme.eq_ignore_ascii_case("fs")) {
        return;
    }
    let joint = if text.contains('?') { '&' } else { '?' };
    let with_secret = format!("{text}{joint}access_key_id=x&secret_access_key={SECRET}");
    for url in [text, &with_secret] {
        if let Err(error) = Store::from_url(url) {
            assert!(!format!("{error:?} {error}").contains(SECRET), "{error:?}");
        }
    }
}

/// Nothing is allowed, so nothing is sent.
async fn fetch(text: &str) {
    let error = match FetchPolicy::new().allow_origin(text) {
        // It may be anywhere.
        Ok(_) => return,
        Err(_) => {
            let fetcher = Fetcher::new(FetchPolicy::new()).expect("TLS is built in");
            fetcher.get(text).await.expect_err("nothing is allowed")
        }
    };
    assert!(matches!(error.kind(), ErrorKind::Refused | ErrorKind::InvalidOption), "{error:?}");
}
