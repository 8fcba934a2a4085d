mod hello {
    mcsv_rpc::include_proto!("hello.v1");
}

use std::sync::atomic::{AtomicU32, Ordering};

use hello::{CountRequest, CountResponse, GreetRequest, GreetResponse, Greeter, GreeterServer};
use mcsv_rpc::{Cx, Error, Result, Router};

#[derive(Default)]
struct English {
    greeted: AtomicU32,
}

impl Greeter for English {
    async fn greet(&self, _: &mut Cx, request: GreetRequest) -> Result<GreetResponse> {
        if request.name.is_empty() {
            return Err(Error::invalid_argument("name is empty: say who is to be greeted"));
        }
        self.greeted.fetch_add(1, Ordering::Relaxed);
        Ok(GreetResponse { greeting: format!("Hello, {}!", request.name) })
    }

    async fn count(&self, _: &mut Cx, _: CountRequest) -> Result<CountResponse> {
        Ok(CountResponse { greeted: self.greeted.load(Ordering::Relaxed) })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let app = Router::new().add(GreeterServer::new(English::default()));
    mcsv_rpc::serve("127.0.0.1:8080", app).await
}
