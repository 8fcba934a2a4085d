//! A handler that calls another service: the deadline and the trace go with the call by themselves.
//!
//! Run it with `cargo run -p mcsv-rpc --example two_services`.

mod hello {
    include!("../hello/hello.v1.rs");
}
mod party {
    include!("party.v1.rs");
}

use std::time::Duration;

use hello::{GreetRequest, GreetResponse, Greeter, GreeterClient, GreeterServer};
use mcsv_rpc::{Code, Cx, Error, Router, Server, Shutdown};
use party::{Party, PartyClient, PartyServer, WelcomeRequest, WelcomeResponse};

struct Slow;

impl Greeter for Slow {
    async fn greet(&self, cx: &mut Cx, request: GreetRequest) -> mcsv_rpc::Result<GreetResponse> {
        println!("  greeting {} in trace {}", request.name, cx.trace().trace_id());
        // The caller's caller has set this deadline; nobody handed it on.
        let deadline = cx.deadline().ok_or_else(|| Error::internal("no deadline came along"))?;
        let left = deadline.remaining(tokio::time::Instant::now().into_std());
        assert!(left <= Duration::from_millis(500));
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(GreetResponse { greeting: format!("Hello, {}!", request.name) })
    }
}

struct Hall {
    greeter: GreeterClient,
}

impl Party for Hall {
    async fn welcome(
        &self,
        _: &mut Cx,
        guests: WelcomeRequest,
    ) -> mcsv_rpc::Result<WelcomeResponse> {
        let mut greetings = Vec::new();
        for name in guests.names {
            greetings.push(self.greeter.greet(GreetRequest { name }).await?.greeting);
        }
        Ok(WelcomeResponse { greetings })
    }
}

#[tokio::main]
async fn main() -> mcsv_rpc::Result<()> {
    let shutdown = Shutdown::new();
    let serve = async |app: Router| -> mcsv_rpc::Result<String> {
        let server = Server::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", server.local_addr());
        tokio::spawn(server.serve(app, shutdown.clone()));
        Ok(url)
    };
    let greeter = serve(Router::new().add(GreeterServer::new(Slow))).await?;
    let hall = Hall { greeter: GreeterClient::connect(greeter)? };
    let party = serve(Router::new().add(PartyServer::new(hall))).await?;
    let client = PartyClient::connect(party)?.with_timeout(Duration::from_millis(500));

    println!("two guests:");
    let two = WelcomeRequest { names: vec!["Ada".into(), "Grace".into()] };
    println!("{:?}", client.welcome(two).await?.greetings);

    println!("ten guests, for whom there is no time:");
    let ten = WelcomeRequest { names: vec!["Bob".into(); 10] };
    let late = client.welcome(ten).await.expect_err("ten take a second");
    assert_eq!(late.code(), Code::DeadlineExceeded);
    println!("{late}");

    shutdown.begin();
    shutdown.drained().await;
    Ok(())
}
