//! The same object by signed URLs: hyper's server around the service, hyper's client on loopback.

use std::path::Path;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use mcsv_storage::{ObjectKey, SignedRequest, Signer, SigningKeys};
use tokio::net::{TcpListener, TcpStream};
use tower::{Service, service_fn};

use crate::{Outcome, PIECE, bare, expect, piece, store};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) async fn write(path: &Path, pieces: u64) -> Outcome<()> {
    let (listener, signer) = listen(path).await?;
    let put = signer.presign_put(&ObjectKey::parse("large")?).exact_len(pieces * PIECE as u64);
    let piece = piece();
    let body =
        stream::iter(0..pieces).map(move |_| Ok::<_, std::io::Error>(Frame::data(piece.clone())));
    let answer = exchange(listener, signer.service(), &put.sign()?, StreamBody::new(body)).await?;
    if answer.status().is_success() { Ok(()) } else { Err(answer.status().as_str().into()) }
}

pub(crate) async fn read(path: &Path, pieces: u64) -> Outcome<()> {
    let (listener, signer) = listen(path).await?;
    let get = signer.presign_get(&ObjectKey::parse("large")?).sign()?;
    let answer = exchange(listener, signer.service(), &get, Empty::<Bytes>::new()).await?;
    expect(count(answer).await?, pieces)
}

/// What this crate adds to HTTP is seen beside opendal's reader behind the same server.
pub(crate) async fn bare_read(path: &Path, pieces: u64) -> Outcome<()> {
    let (listener, signer) = listen(path).await?;
    let link = signer.presign_get(&ObjectKey::parse("large")?).sign()?;
    let reader = bare(path)?.reader_with("large").chunk(PIECE).await?;
    let answer = service_fn(move |_| {
        let reader = reader.clone();
        async move {
            let pieces = reader.into_bytes_stream(..).await?;
            let body = StreamBody::new(pieces.map_ok(Frame::data));
            Ok::<_, opendal::Error>(Response::new(body))
        }
    });
    let answer = exchange(listener, answer, &link, Empty::<Bytes>::new()).await?;
    expect(count(answer).await?, pieces)
}

async fn count(mut answer: Response<Incoming>) -> Outcome<u64> {
    let mut len = 0;
    while let Some(frame) = answer.frame().await {
        len += frame?.data_ref().map_or(0, |piece| piece.len() as u64);
    }
    Ok(len)
}

async fn listen(path: &Path) -> Outcome<(TcpListener, Signer)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let signer = store(path)?.signer(SigningKeys::random()?).with_public_base(&base)?;
    Ok((listener, signer))
}

/// One request on one connection, whose server ends with it.
async fn exchange<S, A, B>(
    listener: TcpListener,
    service: S,
    link: &SignedRequest,
    body: B,
) -> Outcome<Response<Incoming>>
where
    S: Service<Request<Incoming>, Response = Response<A>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    A: http_body::Body<Data = Bytes> + Send + 'static,
    A::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    tokio::spawn(async move {
        let service = TowerToHyperService::new(service);
        Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(server), service).await
    });
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(client)).await?;
    tokio::spawn(connection);
    let request =
        Request::builder().method(link.method()).uri(link.url()).header("host", "localhost");
    let mut request = request.body(body)?;
    request.headers_mut().extend(link.headers().clone());
    Ok(sender.send_request(request).await?)
}
