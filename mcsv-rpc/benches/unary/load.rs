//! The load: many connections, one call at a time on each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::BoxError;
use crate::servers::{PATH, router};
use crate::v1::{EchoClient, Failure, Ping};

const CONNECTIONS: usize = 32;

/// Who makes the calls.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    Bare,
    BareWithDeadline,
    Client,
    InProcess,
}

pub(crate) struct Load {
    callers: Vec<Mutex<Caller>>,
}

enum Caller {
    Bare(SendRequest<Full<Bytes>>, Option<&'static str>),
    Client(EchoClient),
}

impl Load {
    pub(crate) async fn start(server: SocketAddr, source: Source) -> Result<Self, BoxError> {
        let shared = match source {
            Source::InProcess => EchoClient::in_process(router()),
            _ => EchoClient::connect(format!("http://{server}"))?,
        };
        let mut callers = Vec::new();
        for _ in 0..CONNECTIONS {
            let caller = match source {
                Source::Bare => Caller::Bare(connect(server).await?, None),
                Source::BareWithDeadline => Caller::Bare(connect(server).await?, Some("30000")),
                Source::Client | Source::InProcess => Caller::Client(shared.clone()),
            };
            callers.push(Mutex::new(caller));
        }
        Ok(Load { callers })
    }

    /// Calls for `slice`; gives the calls per second.
    pub(crate) async fn run(&self, slice: Duration) -> Result<f64, BoxError> {
        let start = Instant::now();
        let end = start + slice;
        let callers = self.callers.iter().map(|caller| async move {
            let mut caller = caller.lock().await;
            let mut calls = 0_u32;
            while Instant::now() < end {
                caller.call().await?;
                calls += 1;
            }
            Ok::<_, BoxError>(calls)
        });
        let calls: u32 = try_join_all(callers).await?.into_iter().sum();
        Ok(f64::from(calls) / start.elapsed().as_secs_f64())
    }
}

impl Caller {
    async fn call(&mut self) -> Result<(), BoxError> {
        let answer = match self {
            Caller::Client(client) => client.fail(request()).await?,
            Caller::Bare(connection, deadline) => {
                let mut call = Request::post(PATH)
                    .header("host", "localhost")
                    .header("content-type", "application/protobuf");
                if let Some(deadline) = deadline {
                    call = call.header("connect-timeout-ms", *deadline);
                }
                connection.ready().await?;
                let call = call.body(Full::from(request().encode_to_vec()))?;
                let body = connection.send_request(call).await?.into_body().collect().await?;
                Ping::decode(body.to_bytes())?
            }
        };
        if answer.text.is_empty() {
            return Err("an empty answer".into());
        }
        Ok(())
    }
}

async fn connect(server: SocketAddr) -> Result<SendRequest<Full<Bytes>>, BoxError> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn request() -> Failure {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    Failure {
        how: "a first string".to_owned(),
        message: "a second string of ordinary length".to_owned(),
        meta: BTreeMap::from([
            pair("plan", "premium"),
            pair("locale", "en-GB"),
            pair("source", "mobile"),
            pair("campaign", "winter"),
        ]),
        retry_after_ms: 7,
    }
}
