//! Changes signed URLs at random and counts how many the service accepts: none may be.
//!
//! `cargo bench -p mcsv-storage --bench forgery -- 1000000 SEED`
//!
//! Exits with 1 if one was accepted. The seed is printed; the same one repeats a run.

use std::error::Error;
use std::process::ExitCode;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Empty;
use mcsv_storage::{ObjectKey, Signer, SigningKeys, Store};
use tower::ServiceExt;

#[path = "../tests/it/mutation.rs"]
mod mutation;

use mutation::Mutator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    // cargo adds its own `--bench`.
    let mut numbers = std::env::args().filter_map(|word| word.parse::<u64>().ok());
    let count = numbers.next().unwrap_or(1_000_000);
    let seed = numbers.next().unwrap_or_else(|| u64::from(std::process::id()));
    println!("{count} changed URLs, seed {seed}");

    let store = Store::from_url("memory:")?;
    let keys = ["a/b.txt", "a/c.txt", "k"].map(ObjectKey::parse);
    let keys: Vec<ObjectKey> = keys.into_iter().collect::<Result<_, _>>()?;
    for key in &keys {
        store.put(key, "hello").await?;
    }
    let signer = store.signer(SigningKeys::random()?).with_public_base("http://host/files")?;
    let mut genuine = Vec::new();
    for key in &keys {
        genuine.push(signer.presign_get(key).sign()?.url().to_owned());
        genuine.push(signer.presign_get(key).filename("x").sign()?.url().to_owned());
        genuine.push(signer.presign_put(key).exact_len(5).sign()?.url().to_owned());
    }
    let mut mutator = Mutator::new(seed, genuine);
    let (mut sent, mut accepted) = (0, 0);
    while sent < count {
        let changed = mutator.next();
        let Ok(uri) = changed.parse::<Uri>() else { continue };
        sent += 1;
        if accepts(&signer, uri).await? {
            accepted += 1;
            println!("accepted: {changed}");
        }
    }
    println!("{sent} sent, {accepted} accepted");
    Ok(if accepted == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn accepts(signer: &Signer, uri: Uri) -> Result<bool, http::Error> {
    let request = Request::get(uri).body(Empty::<Bytes>::new())?;
    let Ok(answer) = signer.service().oneshot(request).await;
    Ok(!matches!(answer.status().as_u16(), 403..=405))
}
