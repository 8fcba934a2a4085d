//! What goes around handlers: a layer that sees calls, and a tower layer that sees HTTP.
//!
//! Run it with `cargo run -p mcsv-rpc --example middleware`.

mod hello {
    include!("../hello/hello.v1.rs");
}

use std::time::Duration;

use hello::{GreetRequest, GreetResponse, Greeter, GreeterClient, GreeterServer};
use http::{HeaderValue, Request, Response};
use mcsv_rpc::{Body, Code, Cx, Deadline, Error, Next, Protocol, Reply, Router, RpcLayer};
use tower::util::MapResponseLayer;

/// Who calls, as the layer found it and the handler reads it.
#[derive(Clone)]
struct Caller(String);

/// A layer as an `async fn`: it refuses, or leaves what it knows for those within.
async fn authenticate(mut cx: Cx, next: Next) -> mcsv_rpc::Result<Reply> {
    let token = cx.headers().get("authorization").and_then(|value| value.to_str().ok());
    let Some(name) = token.and_then(|token| token.strip_prefix("Bearer ")) else {
        return Err(Error::unauthenticated("send `authorization: Bearer <name>`"));
    };
    let caller = Caller(name.to_owned());
    cx.extensions_mut().insert(caller);
    next.run(cx).await
}

/// A layer with settings: no call takes longer, whatever its caller allows.
struct AtMost(Duration);

impl RpcLayer for AtMost {
    async fn call(&self, mut cx: Cx, next: Next) -> mcsv_rpc::Result<Reply> {
        let now = tokio::time::Instant::now().into_std();
        cx.shorten_deadline(Deadline::after(now, self.0));
        next.run(cx).await
    }
}

struct English;

impl Greeter for English {
    async fn greet(&self, cx: &mut Cx, request: GreetRequest) -> mcsv_rpc::Result<GreetResponse> {
        let Some(Caller(caller)) = cx.extensions().get() else {
            return Err(Error::internal("the router has no authentication"));
        };
        if request.name == "nobody" {
            std::future::pending::<()>().await; // The deadline that a layer has set ends this.
        }
        Ok(GreetResponse { greeting: format!("Hello, {}, from {caller}!", request.name) })
    }
}

fn app() -> Router {
    Router::new()
        .add(GreeterServer::new(English))
        // Within the others, so that it times the handler alone.
        .rpc_layer(AtMost(Duration::from_millis(100)))
        .rpc_layer(authenticate)
        // Sees how each call ended, refusals too.
        .rpc_layer(|cx: Cx, next: Next| async move {
            let (method, protocol) = (cx.method(), cx.protocol());
            let result = next.run(cx).await;
            let end = result.as_ref().map_or_else(|error| error.code().as_str(), |_| "ok");
            println!("  {} over {protocol:?}: {end}", method.full_name());
            result
        })
        // Any tower layer over HTTP; what is not a call goes through it too.
        .layer(MapResponseLayer::new(|mut response: Response<Body>| {
            response.headers_mut().insert("x-served-by", HeaderValue::from_static("middleware"));
            response
        }))
        .route(
            "/robots.txt",
            tower::service_fn(async |_: Request<Body>| {
                Ok::<_, std::convert::Infallible>(Response::new(Body::from("User-agent: *\n")))
            }),
        )
}

#[tokio::main]
async fn main() -> mcsv_rpc::Result<()> {
    let stranger = GreeterClient::in_process(app());
    let known = stranger.clone().with_header("authorization", "Bearer Ada");
    let greet = |name: &str| GreetRequest { name: name.to_owned() };

    let answer = known.greet(greet("Grace")).into_response().await?;
    assert_eq!(answer.headers()["x-served-by"], "middleware");
    println!("{}", answer.into_body().greeting);

    for protocol in [Protocol::Twirp, Protocol::Connect, Protocol::Grpc] {
        let refused = stranger.clone().with_protocol(protocol).greet(greet("Grace")).await;
        assert_eq!(refused.map_err(|error| error.code()), Err(Code::Unauthenticated));
    }
    let late = known.greet(greet("nobody")).await;
    assert_eq!(late.map_err(|error| error.code()), Err(Code::DeadlineExceeded));
    Ok(())
}
