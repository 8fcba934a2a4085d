//! The servers, each on a thread and a runtime of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::mpsc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mcsv_core::Shutdown;
use mcsv_rpc::{Cx, Result, Router, Server};
use prost::Message;
use tokio::net::TcpListener;

use crate::BoxError;
use crate::v1::{Echo, EchoServer, Failure, Ping, Seen};

pub(crate) const PATH: &str = "/twirp/echo.v1.Echo/Fail";

/// The work of a call: the same for every server.
pub(crate) fn reply(request: Failure) -> Ping {
    Ping { text: request.message, data: Bytes::from_static(b"thirty-two bytes of a small reply") }
}

/// Hyper and prost with the least code that answers.
pub(crate) fn bare() -> Result<SocketAddr, BoxError> {
    let (tell, told) = mpsc::channel();
    on_own_thread("bare", async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        tell.send(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(connection);
        }
    })?;
    Ok(told.recv()?)
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != PATH {
        return Ok(status(StatusCode::NOT_FOUND));
    }
    let Ok(body) = request.into_body().collect().await else {
        return Ok(status(StatusCode::BAD_REQUEST));
    };
    let Ok(request) = Failure::decode(body.to_bytes()) else {
        return Ok(status(StatusCode::BAD_REQUEST));
    };
    let mut response = Response::new(Full::from(reply(request).encode_to_vec()));
    let protobuf = HeaderValue::from_static("application/protobuf");
    response.headers_mut().insert(CONTENT_TYPE, protobuf);
    Ok(response)
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

pub(crate) struct App;

impl Echo for App {
    async fn fail(&self, _: &mut Cx, request: Failure) -> Result<Ping> {
        Ok(reply(request))
    }

    async fn echo(&self, _: &mut Cx, request: Ping) -> Result<Ping> {
        Ok(request)
    }

    async fn look(&self, _: &mut Cx, _: Ping) -> Result<Seen> {
        Ok(Seen::default())
    }

    async fn forward(&self, _: &mut Cx, _: Ping) -> Result<Seen> {
        Ok(Seen::default())
    }

    async fn wait(&self, _: &mut Cx, request: Ping) -> Result<Ping> {
        Ok(request)
    }
}

pub(crate) fn router() -> Router {
    Router::new().add(EchoServer::new(App))
}

/// This crate, as it comes.
pub(crate) fn ours() -> Result<SocketAddr, BoxError> {
    let (tell, told) = mpsc::channel();
    on_own_thread("ours", async move {
        let server = Server::bind("127.0.0.1:0").await?;
        tell.send(server.local_addr())?;
        Ok(server.serve(router(), Shutdown::new()).await?)
    })?;
    Ok(told.recv()?)
}

/// The name is the thread's too, for a profiler.
fn on_own_thread(
    name: &'static str,
    serve: impl Future<Output = Result<(), BoxError>> + Send + 'static,
) -> Result<(), BoxError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Err(error) = runtime.map_err(BoxError::from).and_then(|it| it.block_on(serve)) {
            eprintln!("{name} ended: {error}");
        }
    })?;
    Ok(())
}
