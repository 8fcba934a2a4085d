//! One handler, called by curl in Twirp, Connect and gRPC.
//!
//! `cargo run -p mcsv-rpc --example curl` serves on a free port, runs the commands of `curl.sh`
//! against it and ends. With an address, `-- 127.0.0.1:8080`, it serves there until Ctrl-C, for
//! commands of your own.

mod party {
    include!("../two_services/party.v1.rs");
}

use mcsv_rpc::{Cx, Error, Router, Server, Shutdown, serve};
use party::{Party, PartyServer, WelcomeRequest, WelcomeResponse};

struct Hall;

impl Party for Hall {
    async fn welcome(
        &self,
        _: &mut Cx,
        guests: WelcomeRequest,
    ) -> mcsv_rpc::Result<WelcomeResponse> {
        if guests.names.is_empty() {
            return Err(Error::invalid_argument("names is empty: say who comes"));
        }
        let greetings = guests.names.iter().map(|name| format!("Hello, {name}!")).collect();
        Ok(WelcomeResponse { greetings })
    }
}

#[tokio::main]
async fn main() -> mcsv_rpc::Result<()> {
    let app = Router::new().add(PartyServer::new(Hall));
    if let Some(address) = std::env::args().nth(1) {
        return serve(address, app).await;
    }
    let server = Server::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", server.local_addr());
    let shutdown = Shutdown::new();
    let serving = tokio::spawn(server.serve(app, shutdown.clone()));

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/curl/curl.sh");
    let shell = std::process::Command::new("sh").arg(script).arg(url).spawn();
    let ended = tokio::task::spawn_blocking(|| shell?.wait()).await??;
    if !ended.success() {
        return Err(Error::failed_precondition("curl.sh needs sh, od and curl with HTTP/2"));
    }

    shutdown.begin();
    serving.await?
}
