//! What one signature and one small operation cost, in microseconds.
//!
//! `cargo bench -p mcsv-storage --all-features --bench cost`
//!
//! Each figure is the median of 31 rounds. The cost of a verification is that of refusing an expired
//! link, which verifies, less that of refusing a link without a token, which does not.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty, Full};
use mcsv_storage::{ObjectKey, Signer, SigningKeys, Store};
use tokio::time::Instant;
use tower::ServiceExt;

const ROUNDS: usize = 31;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::from_url("memory:")?;
    let key = ObjectKey::timestamped("png")?;
    store.put(&key, "hello").content_type("image/png").await?;
    let relay = store.signer(SigningKeys::random()?).with_public_base("https://host/files")?;

    report("sign a relayed GET", 2_000, async || drop(black_box(get_url(&relay, &key)))).await;
    let put = async || {
        let put = relay.presign_put(&key).content_type("image/png").exact_len(5).sha256([7; 32]);
        drop(black_box(put.create_only().sign()));
    };
    report("sign a relayed PUT with every constraint", 2_000, put).await;
    sign_for_a_bucket(&key).await?;

    let expired = relay.clone().with_clock(|| UNIX_EPOCH + Duration::from_secs(1));
    let expired = get_url(&expired, &key)?;
    let verified = report("refuse an expired link", 2_000, answer(&relay, "GET", expired)).await;
    let bare = format!("https://host/files/{key}");
    let refused = report("refuse a link without a token", 2_000, answer(&relay, "GET", bare)).await;
    println!("{:<44} {:>9.2} µs", "verify a token: the difference", verified - refused);

    let link = get_url(&relay, &key)?;
    report("answer a HEAD", 1_000, answer(&relay, "HEAD", link.clone())).await;
    report("answer a GET of 5 bytes", 1_000, answer(&relay, "GET", link)).await;
    let upload = relay.presign_put(&key).sign()?.url().to_owned();
    report("answer a PUT of 5 bytes", 1_000, answer(&relay, "PUT", upload)).await;

    small_operations(&store, &key).await;
    Ok(())
}

fn get_url(signer: &Signer, key: &ObjectKey) -> mcsv_storage::Result<String> {
    signer.presign_get(key).sign().map(|link| link.url().to_owned())
}

#[cfg(feature = "s3")]
async fn sign_for_a_bucket(key: &ObjectKey) -> Result<(), Box<dyn Error>> {
    let bucket = Store::from_url("s3://b?access_key_id=id&secret_access_key=secret")?;
    let direct = bucket.signer(SigningKeys::random()?).with_direct()?;
    report("sign a direct GET", 2_000, async || drop(black_box(get_url(&direct, key)))).await;
    Ok(())
}

#[cfg(not(feature = "s3"))]
async fn sign_for_a_bucket(_: &ObjectKey) -> Result<(), Box<dyn Error>> {
    Ok(())
}

/// The store's own operations and those of the driver beneath it.
async fn small_operations(store: &Store, key: &ObjectKey) {
    let raw = opendal::Operator::new(opendal::services::Memory::default());
    let Ok(raw) = raw else { return };
    let path = key.as_str();
    let _ = raw.write(path, "hello").await;
    let stat = async || drop(black_box(store.stat(key).await));
    let ours = report("stat, memory", 2_000, stat).await;
    let stat = async || drop(black_box(raw.stat(path).await));
    let theirs = report("stat, opendal's memory", 2_000, stat).await;
    println!("{:<44} {:>9.2} µs", "stat: what this crate adds", ours - theirs);
    let put = async || drop(black_box(store.put(key, "hello").await));
    report("put of 5 bytes, hashed and described, memory", 2_000, put).await;
    let put = async || drop(black_box(raw.write(path, "hello").await));
    report("write of 5 bytes, opendal's memory", 2_000, put).await;
}

fn answer(signer: &Signer, method: &'static str, url: String) -> impl AsyncFn() {
    let service = signer.service();
    move || {
        let service = service.clone();
        let request = Request::builder().method(method).uri(url.as_str());
        async move {
            let body = match method {
                "PUT" => Full::new(Bytes::from("hello")).boxed(),
                _ => Empty::new().boxed(),
            };
            let Ok(request) = request.body(body) else { return };
            let Ok(answer) = service.oneshot(request).await;
            let _ = black_box(answer.into_body().collect().await);
        }
    }
}

/// Measures one call in microseconds, and prints it.
async fn report(what: &str, calls: u32, work: impl AsyncFn()) -> f64 {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..calls {
            work().await;
        }
        rounds.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    rounds.sort_by(f64::total_cmp);
    let median = rounds[ROUNDS / 2];
    println!("{what:<44} {median:>9.2} µs");
    median
}
