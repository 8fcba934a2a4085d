//! The client that `cargo xtask interop` lets call foreign servers.
//!
//!     interop_client CERTIFICATE_FILE
//!
//! Reads `NAME PROTOCOL HTTP_VERSION URL` for each server from its input, up to an empty line, and
//! prints a line for each case, which begins with `ok` or `FAILED`.

mod interop {
    include!("../interop/interop.v1.rs");
}

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures_util::future::join_all;
use interop::{Colour, Failure, InteropClient, Ping};
use mcsv_rpc::codegen::prost_types::Timestamp;
use mcsv_rpc::{Call, Channel, Code, Error, Protocol, Result, Retry, RpcMethod};
use prost::Message;

const MESSAGE: &str = "100 % of 'naïve' \t ✓";
const BYTES: &[u8] = b"\0\xff\x01";
const NOTHING: RpcMethod = RpcMethod::new("interop.v1.Interop/Nothing");

#[tokio::main]
async fn main() -> Result<()> {
    let path = std::env::args().nth(1).ok_or_else(|| {
        Error::invalid_argument("no certificate: name its file as first argument")
    })?;
    let certificate = std::fs::read(path)?;
    for line in std::io::stdin().lines() {
        match line?.split(' ').collect::<Vec<_>>()[..] {
            [name, protocol, http, url] => {
                let peer = Peer { name, protocol: named(protocol)?, http, url };
                peer.check(peer.channel(&certificate)?).await;
            }
            _ => break,
        }
    }
    Ok(())
}

fn named(protocol: &str) -> Result<Protocol> {
    match protocol {
        "twirp" => Ok(Protocol::Twirp),
        "connect" => Ok(Protocol::Connect),
        "grpc" => Ok(Protocol::Grpc),
        other => Err(Error::invalid_argument(format!("no protocol {other}"))),
    }
}

/// A server that others wrote.
struct Peer<'a> {
    name: &'a str,
    protocol: Protocol,
    http: &'a str,
    url: &'a str,
}

type Checked = std::result::Result<(), String>;

impl Peer<'_> {
    fn channel(&self, certificate: &[u8]) -> Result<Channel> {
        let channel = Channel::connect(self.url)?.with_timeout(Duration::from_secs(20));
        let channel = match self.url.starts_with("https") {
            true => channel.with_tls_roots(certificate)?,
            false => channel,
        };
        let channel = channel.with_protocol(self.protocol);
        Ok(if self.http == "h2" { channel.with_http2() } else { channel })
    }

    async fn check(&self, channel: Channel) {
        // Servers made to go away or to refuse, which answer nothing but echoes of protobuf.
        if self.name.ends_with("-going") {
            return self.told("proto", "under load", under_load(channel).await);
        }
        if self.name.ends_with("-refusing") {
            return self.told("proto", "refused streams", refused(channel).await);
        }
        for codec in ["proto", "json"] {
            // The libraries of gRPC for Python and Node speak protobuf only.
            if codec == "json" && self.name.starts_with("grpc") {
                continue;
            }
            let channel = channel.clone();
            let channel = if codec == "json" { channel.with_json() } else { channel };
            self.cases(codec, &InteropClient::from_channel(channel.clone()), &channel).await;
        }
        if self.name.starts_with("grpc") {
            self.told("proto", "pushback", pushed_back(channel).await);
        }
    }

    async fn cases(&self, codec: &str, client: &InteropClient, channel: &Channel) {
        self.told(codec, "echo", self.echoed(client, ping(20_000)).await);
        self.told(codec, "3 MB", self.echoed(client, ping(3_000_000)).await);
        // A Twirp server of another make need not know of compressed requests.
        if self.protocol != Protocol::Twirp {
            let packed = client.clone().with_gzip();
            self.told(codec, "gzip echo", self.echoed(&packed, ping(20_000)).await);
        }
        if self.protocol == Protocol::Connect {
            let getting = InteropClient::from_channel(channel.clone().with_get());
            self.told(codec, "get", self.echoed(&getting, ping(100)).await);
        }
        for code in Code::ALL {
            let name = code.as_str();
            self.told(codec, name, self.failed(client, code).await);
        }
        let late = client.sleep(ping(0)).timeout(Duration::from_millis(200));
        self.told(codec, "deadline", ended(late, Code::DeadlineExceeded).await);
        let missing = match self.protocol {
            Protocol::Twirp if self.name == "twirp" => Code::Unimplemented,
            Protocol::Twirp => Code::BadRoute,
            _ => Code::Unimplemented,
        };
        let nothing: Call<Ping> = channel.call(&NOTHING, &ping(0));
        self.told(codec, "unknown method", ended(nothing, missing).await);
    }

    async fn echoed(&self, client: &InteropClient, ping: Ping) -> Checked {
        let call = client
            .echo(ping.clone())
            .header("x-reflect", "a b")
            .header("x-reflect-bin", STANDARD_NO_PAD.encode(BYTES));
        let outcome = call.into_outcome().await;
        equal(outcome.result().map_err(shown)?, &ping)?;
        let text = |name| outcome.headers().get(name).and_then(|value| value.to_str().ok());
        equal(&text("x-reflected"), &Some("a b"))?;
        let bytes = text("x-reflected-bin").map(|text| text.trim_end_matches('='));
        equal(&bytes, &Some(&*STANDARD_NO_PAD.encode(BYTES)))?;
        let trailer = outcome.trailers().get("x-trailer").and_then(|value| value.to_str().ok());
        equal(&trailer, &(self.protocol != Protocol::Twirp).then_some("end"))
    }

    async fn failed(&self, client: &InteropClient, code: Code) -> Checked {
        let is_twirp = self.protocol == Protocol::Twirp;
        // The other two protocols know no more than gRPC's codes.
        if !is_twirp && matches!(code, Code::BadRoute | Code::Malformed) {
            return Ok(());
        }
        let meta = BTreeMap::from([("key".to_owned(), "välue".to_owned())]);
        let failure = Failure { code: code.as_str().to_owned(), message: MESSAGE.to_owned(), meta };
        let Err(error) = client.fail(failure).await else { return Err("no error came".to_owned()) };
        equal(&(error.code(), error.message()), &(code, MESSAGE))?;
        match is_twirp {
            true => equal(&error.meta("key"), &Some("välue")),
            false => {
                let details = error.details().iter();
                let mut details = details.filter(|it| it.type_name() == "interop.v1.Ping");
                let detail = details.next().and_then(|it| Ping::decode(it.value()).ok());
                equal(&detail.map(|ping| ping.text).as_deref(), &Some("detail"))
            }
        }
    }

    fn told(&self, codec: &str, case: &str, checked: Checked) {
        let Peer { name, protocol, http, url } = self;
        let tls = if url.starts_with("https") { " tls" } else { "" };
        let protocol = format!("{protocol:?}").to_lowercase();
        let case = format!("client {name} {protocol} {codec} {http}{tls} {case}");
        match checked {
            Ok(()) => println!("ok {case}"),
            Err(problem) => println!("FAILED {case}: {}", problem.replace('\n', " ")),
        }
    }
}

/// Calls without a pause, while the server says again and again that it goes away.
async fn under_load(channel: Channel) -> Checked {
    let client = InteropClient::from_channel(channel);
    let caller = |_| async {
        for _ in 0..100 {
            equal(&client.echo(ping(1000)).await.map_err(|error| shown(&error))?, &ping(1000))?;
        }
        Ok(())
    };
    join_all((0..16).map(caller)).await.into_iter().collect()
}

/// Every other stream is refused, so that each call is sent twice.
async fn refused(channel: Channel) -> Checked {
    let client = InteropClient::from_channel(channel);
    for _ in 0..3 {
        equal(&client.echo(ping(10)).await.map_err(|error| shown(&error))?, &ping(10))?;
    }
    Ok(())
}

/// The server wants 300 ms before a retry, or none at all.
async fn pushed_back(channel: Channel) -> Checked {
    let client = InteropClient::from_channel(channel.with_retry(Retry::idempotent(3)));
    let begun = tokio::time::Instant::now();
    client.echo(ping(0)).header("x-pushback", "300").await.map_err(|error| shown(&error))?;
    if begun.elapsed() < Duration::from_millis(300) {
        return Err(format!("the retry went out after {:?}", begun.elapsed()));
    }
    ended(client.echo(ping(0)).header("x-pushback", "-1"), Code::Unavailable).await
}

async fn ended(call: Call<Ping>, code: Code) -> Checked {
    match call.await {
        Ok(_) => Err("no error came".to_owned()),
        Err(error) => equal(&error.code(), &code).map_err(|_| shown(&error)),
    }
}

fn ping(bytes: usize) -> Ping {
    Ping {
        text: MESSAGE.to_owned(),
        data: (0..bytes).map(|place| ((place * 7) >> 3) as u8).collect(),
        number: i64::MIN,
        at: Some(Timestamp { seconds: 1_795_955_696, nanos: 789_000_000 }),
        colours: vec![Colour::Unspecified.into(), Colour::Red.into(), 7],
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(left: &T, right: &T) -> Checked {
    if left == right {
        return Ok(());
    }
    let shortened = |value: &T| format!("{value:?}").chars().take(200).collect::<String>();
    Err(format!("{} is not {}", shortened(left), shortened(right)))
}

fn shown(error: &Error) -> String {
    format!("{error:?}")
}
