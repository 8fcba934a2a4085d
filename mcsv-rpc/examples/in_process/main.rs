//! A service tested without a network: its own layers and codec run, and what it calls is a fake.
//!
//! `cargo run -p mcsv-rpc --example in_process` runs what would be two tests.

mod hello {
    include!("../hello/hello.v1.rs");
}
mod party {
    include!("../two_services/party.v1.rs");
}

use hello::{GreetRequest, GreetResponse, Greeter, GreeterClient, GreeterServer};
use mcsv_rpc::{Code, Cx, Error, Router};
use party::{Party, PartyClient, PartyServer, WelcomeRequest, WelcomeResponse};

/// The service under test; it does not know whether its client has a network.
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

/// A greeter that does what the test needs.
struct Fake<F>(F);

impl<F> Greeter for Fake<F>
where
    F: Fn(GreetRequest) -> mcsv_rpc::Result<GreetResponse> + Send + Sync + 'static,
{
    async fn greet(&self, _: &mut Cx, request: GreetRequest) -> mcsv_rpc::Result<GreetResponse> {
        (self.0)(request)
    }
}

/// The application as `main` would build it, but for where its greeter is.
fn hall(greeter: impl Greeter) -> PartyClient {
    let greeter = GreeterClient::in_process(Router::new().add(GreeterServer::new(greeter)));
    PartyClient::in_process(Router::new().add(PartyServer::new(Hall { greeter })))
}

async fn greets_everybody() -> mcsv_rpc::Result<()> {
    let party = hall(Fake(|who: GreetRequest| Ok(GreetResponse { greeting: who.name + "!" })));
    let guests = WelcomeRequest { names: vec!["Ada".into(), "Grace".into()] };
    assert_eq!(party.welcome(guests).await?.greetings, ["Ada!", "Grace!"]);
    Ok(())
}

async fn fails_as_its_greeter_fails() {
    let party = hall(Fake(|_| Err(Error::unavailable("hoarse").with_meta("since", "noon"))));
    let guests = WelcomeRequest { names: vec!["Ada".into()] };
    let error = party.welcome(guests).await.expect_err("the greeter is hoarse");
    assert_eq!((error.code(), error.meta("since")), (Code::Unavailable, Some("noon")));
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> mcsv_rpc::Result<()> {
    greets_everybody().await?;
    fails_as_its_greeter_fails().await;
    println!("both hold");
    Ok(())
}
