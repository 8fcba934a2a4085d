//! A server and a client of the smallest service, in one program.
//!
//! Run it with `cargo run -p mcsv-rpc --example hello -- World`.

mod v1 {
    // A crate of its own compiles the proto in build.rs and writes
    // `mcsv_rpc::include_proto!("hello.v1");` here.
    include!("hello.v1.rs");
}

use mcsv_rpc::{Cx, Error, Router, Server, Shutdown};
use v1::{GreetRequest, GreetResponse, Greeter, GreeterClient, GreeterServer};

struct English;

impl Greeter for English {
    async fn greet(&self, _: &mut Cx, request: GreetRequest) -> mcsv_rpc::Result<GreetResponse> {
        if request.name.is_empty() {
            return Err(Error::invalid_argument("name is empty: say who is to be greeted"));
        }
        Ok(GreetResponse { greeting: format!("Hello, {}!", request.name) })
    }
}

#[tokio::main]
async fn main() -> mcsv_rpc::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "World".to_owned());
    let app = Router::new().add(GreeterServer::new(English).with_alias("greeter"));
    let server = Server::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", server.local_addr());

    let shutdown = Shutdown::new();
    let serving = tokio::spawn(server.serve(app, shutdown.clone()));

    let client = GreeterClient::connect(&url)?;
    let answer = client.greet(GreetRequest { name }).await?;
    println!("{}", answer.greeting);

    shutdown.begin();
    serving.await?
}
