//! A page that uploads to another origin by signed URLs: `cargo run -p mcsv-storage --example
//! upload_page`, then open the address that it prints.
//!
//! The page asks its own server for a URL, saying what it is about to send: type, length and SHA-256.
//! Its server signs all three, so the file service takes that file and no other, once. The file
//! itself never passes through the page's server.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use mcsv_storage::{ObjectKey, Signer, SigningKeys, Store};
use tokio::net::TcpListener;
use tower::{Service, service_fn};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let page = TcpListener::bind("127.0.0.1:0").await?;
    let files = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", page.local_addr()?);
    let base = format!("http://{}", files.local_addr()?);
    let signer = Store::from_url("memory:")?.signer(SigningKeys::random()?);
    let signer = signer.with_public_base(&base)?;
    // Without this line the browser refuses to send.
    let service = signer.service().with_allowed_origin(&origin)?.with_max_upload(50 << 20);
    tokio::spawn(serve(files, service));
    println!("{origin}/");

    let answer = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&request, &signer);
        async { Ok::<_, Infallible>(answer) }
    });
    serve(page, answer).await
}

fn answer(request: &Request<Incoming>, signer: &Signer) -> Response<Full<Bytes>> {
    let (status, kind, text) = match (request.method().as_str(), request.uri().path()) {
        ("GET", "/") => (200, "text/html", include_str!("upload_page.html").to_owned()),
        ("POST", "/uploads") => match sign(request.uri().query().unwrap_or_default(), signer) {
            Ok(links) => (200, "application/json", links),
            Err(error) => (400, "text/plain", error.to_string()),
        },
        _ => (404, "text/plain", "not here".to_owned()),
    };
    let built = Response::builder().status(status).header("content-type", kind);
    built.body(Full::from(text)).unwrap_or_default()
}

/// The URLs to write what `wish` describes, and to read it again.
fn sign(wish: &str, signer: &Signer) -> Result<String, BoxError> {
    let said = |name: &str| {
        let found = url::form_urlencoded::parse(wish.as_bytes()).find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned()).ok_or(format!("{name} is missing"))
    };
    let key = ObjectKey::timestamped("upload")?;
    let put = signer
        .presign_put(&key)
        .content_type(said("type")?)
        .exact_len(said("len")?.parse()?)
        .sha256(sha256(&said("sha256")?)?)
        .create_only()
        .sign()?;
    let get = signer.presign_get(&key).sign()?;
    // Neither URL has a character that JSON escapes.
    Ok(format!("{{\"put\":\"{}\",\"get\":\"{}\"}}", put.url(), get.url()))
}

fn sha256(digits: &str) -> Result<[u8; 32], BoxError> {
    let number = |at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(number).collect();
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).ok_or("sha256 is no SHA-256")?)
}

async fn serve<S, B>(listener: TcpListener, service: S) -> Result<(), BoxError>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    loop {
        let (socket, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        let mut server = Builder::new(TokioExecutor::new());
        // Who sends a request's head drop by drop must not hold a connection for ever.
        server.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
        tokio::spawn(async move { server.serve_connection(TokioIo::new(socket), service).await });
    }
}
