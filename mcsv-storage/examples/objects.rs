//! Objects of any store, on the command line:
//!
//! ```text
//! objects STORE put KEY FILE [type=image/png] [x=metadata]
//! objects STORE get KEY FILE          objects STORE stat KEY
//! objects STORE list [PREFIX]         objects STORE delete KEY
//! objects STORE sweep SECONDS
//! objects STORE sign-get KEY [filename=..] [type=..]
//! objects STORE sign-put KEY [type=..] [len=..] [sha256=..] [create=only]
//! ```
//!
//! STORE is `fs:///folder` or, with the feature `s3`, `s3://bucket?..`. Signing needs a bucket: its
//! own service answers the URL. All of it takes `expires=SECONDS`, and `at=UNIX SECOND` to sign as at
//! another time. `sign-put` prints the method, the URL, and the headers to send.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use mcsv_storage::{ObjectKey, PutBody, SignedRequest, Signer, SigningKeys, Store};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (options, words): (Vec<&str>, Vec<&str>) = words
        .iter()
        .map(String::as_str)
        .partition(|word| word.contains('=') && !word.contains(':'));
    let options: BTreeMap<&str, &str> =
        options.into_iter().filter_map(|option| option.split_once('=')).collect();
    let [store, command, words @ ..] = &words[..] else {
        return Err("give a store and a command".into());
    };
    let store = Store::from_url(store)?;
    match (*command, words) {
        ("put", [key, file]) => put(&store, key, file, options).await,
        ("get", [key, file]) => {
            let object = store.get(&ObjectKey::parse(key)?).await?;
            object.copy_to(&mut tokio::fs::File::create(file).await?).await?;
            Ok(())
        }
        ("stat", [key]) => {
            println!("{:#?}", store.stat(&ObjectKey::parse(key)?).await?);
            Ok(())
        }
        ("list", prefix) => list(&store, prefix.first().copied().unwrap_or_default()).await,
        ("delete", [key]) => Ok(store.delete(&ObjectKey::parse(key)?).await?),
        ("sweep", [age]) => {
            println!("{}", store.sweep_partial(Duration::from_secs(age.parse()?)).await?);
            Ok(())
        }
        ("sign-get" | "sign-put", [key]) => {
            let signed = sign(&store, command, &ObjectKey::parse(key)?, &options)?;
            println!("{} {}", signed.method(), signed.url());
            for (name, value) in signed.headers() {
                println!("{name}: {}", value.to_str()?);
            }
            Ok(())
        }
        _ => Err("no such command".into()),
    }
}

async fn put(store: &Store, key: &str, file: &str, options: BTreeMap<&str, &str>) -> Outcome<()> {
    let body = PutBody::reader(tokio::fs::File::open(file).await?);
    let mut put = store.put(&ObjectKey::parse(key)?, body).sniff_content_type();
    for (name, value) in options {
        put = match name {
            "type" => put.content_type(value),
            _ => put.metadata(name, value),
        };
    }
    println!("{:#?}", put.await?);
    Ok(())
}

async fn list(store: &Store, prefix: &str) -> Outcome<()> {
    let mut page = store.list().prefix(prefix).await?;
    loop {
        for object in &page.objects {
            println!("{:>12} {}", object.len, object.key);
        }
        let Some(token) = page.next else { return Ok(()) };
        page = store.list().prefix(prefix).page_token(token).await?;
    }
}

fn sign(
    store: &Store,
    command: &str,
    key: &ObjectKey,
    options: &BTreeMap<&str, &str>,
) -> Outcome<SignedRequest> {
    let mut signer: Signer = store.signer(SigningKeys::random()?).with_direct()?;
    if let Some(second) = options.get("at") {
        let at = UNIX_EPOCH + Duration::from_secs(second.parse()?);
        signer = signer.with_clock(move || at);
    }
    let life = options.get("expires").map_or(Ok(900), |life| life.parse());
    let life = Duration::from_secs(life?);
    if command == "sign-get" {
        let mut get = signer.presign_get(key).expires_in(life);
        if let Some(name) = options.get("filename") {
            get = get.filename(*name);
        }
        if let Some(media_type) = options.get("type") {
            get = get.content_type(*media_type);
        }
        return Ok(get.sign()?);
    }
    let mut put = signer.presign_put(key).expires_in(life);
    if let Some(media_type) = options.get("type") {
        put = put.content_type(*media_type);
    }
    if let Some(len) = options.get("len") {
        put = put.exact_len(len.parse()?);
    }
    if let Some(digits) = options.get("sha256") {
        put = put.sha256(sha256(digits)?);
    }
    if options.contains_key("create") {
        put = put.create_only();
    }
    Ok(put.sign()?)
}

fn sha256(digits: &str) -> Outcome<[u8; 32]> {
    let number = |at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(number).collect();
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).ok_or("sha256 is no SHA-256")?)
}
