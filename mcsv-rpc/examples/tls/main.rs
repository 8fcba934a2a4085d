//! TLS on both sides, with a certificate that is made on the spot.
//!
//! Run it with `cargo run -p mcsv-rpc --features tls --example tls`.

mod hello {
    include!("../hello/hello.v1.rs");
}

use hello::{GreetRequest, GreetResponse, Greeter, GreeterClient, GreeterServer};
use mcsv_rpc::{Channel, Cx, Protocol, Router, Server, Shutdown, TlsIdentity};

struct English;

impl Greeter for English {
    async fn greet(&self, _: &mut Cx, request: GreetRequest) -> mcsv_rpc::Result<GreetResponse> {
        Ok(GreetResponse { greeting: format!("Hello, {}!", request.name) })
    }
}

#[tokio::main]
async fn main() -> mcsv_rpc::Result<()> {
    // A service reads both from files: `std::fs::read("tls.crt")?`.
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());

    let identity = TlsIdentity::from_pem(&certificate, key)?;
    let server = Server::bind("127.0.0.1:0").await?.with_tls(identity);
    // The name has to be one of the certificate's, so not the address.
    let url = format!("https://localhost:{}", server.local_addr().port());
    let shutdown = Shutdown::new();
    let app = Router::new().add(GreeterServer::new(English));
    let serving = tokio::spawn(server.serve(app, shutdown.clone()));

    // Without this line a client trusts the public authorities, who know nothing of this server.
    let channel = Channel::connect(url)?.with_tls_roots(certificate)?;
    for protocol in [Protocol::Twirp, Protocol::Connect, Protocol::Grpc] {
        let client = GreeterClient::from_channel(channel.clone().with_protocol(protocol));
        let answer = client.greet(GreetRequest { name: "World".into() }).into_response().await?;
        println!("{protocol:?}, {:?}: {}", answer.version(), answer.body().greeting);
    }

    shutdown.begin();
    serving.await?
}
