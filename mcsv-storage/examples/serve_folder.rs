//! Serves a folder by signed URLs: `cargo run -p mcsv-storage --example serve_folder`, then read and
//! write as it prints.
//!
//! A project of its own takes three crates:
//!
//! ```text
//! cargo add mcsv-storage
//! cargo add tokio --features macros,net,rt-multi-thread
//! cargo add hyper-util --features server-auto,service,tokio
//! ```

use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use mcsv_storage::{ObjectKey, SigningKeys, Store};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::from_url("fs:///tmp/mcsv-objects")?;
    let signer = store.signer(SigningKeys::random()?);
    let signer = signer.with_public_base("http://127.0.0.1:8080/files")?;

    let key = ObjectKey::timestamped("txt")?;
    println!("curl --data-binary hello -X PUT '{}'", signer.presign_put(&key).sign()?.url());
    println!("curl '{}'", signer.presign_get(&key).sign()?.url());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    loop {
        let (socket, _) = listener.accept().await?;
        let service = TowerToHyperService::new(signer.service());
        let mut server = Builder::new(TokioExecutor::new());
        // Who sends a request's head drop by drop must not hold a connection for ever.
        server.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
        tokio::spawn(async move { server.serve_connection(TokioIo::new(socket), service).await });
    }
}
