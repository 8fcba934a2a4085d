use std::time::Duration;

use http::{Request, Response};
use mcsv_core::Health;
use mcsv_rpc::{Body, Code, Error, Router, error_response};
use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;

use crate::app::{App, EchoClient, ping};
use crate::wire::{check_error, echo_request, send};

/// Refuses every request without the token.
#[derive(Clone)]
struct Guarded(Router);

impl tower::Service<Request<Body>> for Guarded {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = futures_util::future::Either<
        mcsv_rpc::RouterFuture,
        std::future::Ready<Result<Response<Body>, std::convert::Infallible>>,
    >;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.headers().get("authorization").is_some_and(|token| token == "Bearer t") {
            return futures_util::future::Either::Left(self.0.call(request));
        }
        let refusal = error_response(&Error::unauthenticated("send the service token"));
        futures_util::future::Either::Right(std::future::ready(Ok(refusal)))
    }
}

fn guarded() -> Router {
    App::default().router().layer(tower::layer::layer_fn(Guarded)).health(Health::new())
}

#[tokio::test]
async fn a_layer_refuses_with_a_twirp_error() {
    let client = EchoClient::in_process(guarded());
    let error = client.echo(ping("hi")).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::Unauthenticated, "send the service token"));

    let client = client.with_header("authorization", "Bearer t");
    assert_eq!(client.echo(ping("hi")).await.unwrap(), ping("hi"));
}

#[tokio::test]
async fn what_is_added_after_a_layer_is_outside_of_it() {
    let health = Request::get("/health/live").body(Body::empty()).unwrap();
    assert_eq!(send(&guarded(), health).await.status(), 200);
    let unknown = Request::get("/unknown").body(Body::empty()).unwrap();
    check_error(&send(&guarded(), unknown).await, 401, "unauthenticated");
}

#[tokio::test(start_paused = true)]
async fn a_layer_s_error_is_answered_as_unavailable() {
    let router = App::default().router().layer(TimeoutLayer::new(Duration::from_secs(1)));
    let error = EchoClient::in_process(router).wait(ping("")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test]
async fn layers_share_their_state_between_calls() {
    let app = App::default();
    let gate = app.gate.clone();
    let stack =
        ServiceBuilder::new().layer(LoadShedLayer::new()).layer(ConcurrencyLimitLayer::new(1));
    let client = EchoClient::in_process(app.router().layer(stack));

    let first = tokio::spawn(client.wait(ping("first")).into_response());
    gate.entered.notified().await;
    assert_eq!(client.echo(ping("second")).await.unwrap_err().code(), Code::Unavailable);

    gate.open.notify_one();
    assert_eq!(first.await.unwrap().unwrap().into_body(), ping("first"));
    assert_eq!(client.echo(ping("third")).await.unwrap(), ping("third"));
}

#[tokio::test]
async fn a_router_nests_in_a_router() {
    let outer = Router::new().nest("/twirp/", App::default().router());
    assert_eq!(send(&outer, echo_request("hi")).await.status(), 200);
}

#[tokio::test]
async fn the_transport_takes_layers_too() {
    let transport = ServiceBuilder::new()
        .map_request(|mut request: Request<Body>| {
            request.headers_mut().insert("x-tenant", "layered".parse().unwrap());
            request
        })
        .service(mcsv_rpc::Transport::in_process(App::default().router()));
    let seen = EchoClient::new(transport).look(ping("")).await.unwrap();
    assert_eq!(seen.tenant, "layered");
}
