//! What a caller learns of the calls that a handler makes.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use mcsv_rpc::{
    Body, BoxError, Channel, Code, Cx, Error, Next, Outcome, Protocol, Retry, Router,
    error_response, error_response_to,
};

use crate::app::{App, EchoClient, EchoServer, Failure, ping};
use crate::wire::{post, send};

const PROTOCOLS: [Protocol; 3] = [Protocol::Twirp, Protocol::Connect, Protocol::Grpc];

type Answer = Result<Response<Full<Bytes>>, BoxError>;

/// A client of something at an address that nobody outside is to know, and of what that answers.
fn behind(answer: fn(Response<Full<Bytes>>) -> Answer) -> Channel {
    let service = tower::service_fn(move |_: Request<Body>| {
        let mut response = Response::new(Full::from("the secret page"));
        response.headers_mut().insert(RETRY_AFTER, 7.into());
        async move { answer(response) }
    });
    Channel::new(service).with_url("http://secret:1/prefix").unwrap()
}

fn with_status(mut response: Response<Full<Bytes>>, status: u16) -> Answer {
    *response.status_mut() = status.try_into()?;
    Ok(response)
}

fn channels() -> [Channel; 9] {
    [
        behind(|_| Err("the secret connection was refused".into())),
        behind(|_| Err("reset".into())).with_retry(Retry::idempotent(2)),
        behind(|response| with_status(response, 502)),
        behind(|mut response| {
            response.headers_mut().insert(LOCATION, "http://secret/login".parse()?);
            with_status(response, 307)
        }),
        behind(|mut response| {
            response.headers_mut().insert(CONTENT_TYPE, "text/secret".parse()?);
            with_status(response, 200)
        }),
        behind(|_| {
            let json = r#"{"code": "of the secret", "msg": "at secret:2", "message": "secret"}"#;
            with_status(Response::new(Full::from(json)), 503)
        }),
        behind(Ok).with_response_limit(3),
        behind(Ok).with_timeout(Duration::ZERO),
        behind(Ok).with_header("bad name", "secret"),
    ]
}

/// Each way in which a client's error becomes a server's.
fn servers(client: &EchoClient) -> [Router; 4] {
    let layer = client.clone();
    let asks = move |cx: Cx, next: Next| {
        let client = layer.clone();
        async move {
            client.echo(ping("")).await?;
            next.run(cx).await
        }
    };
    let within = App::before(client.clone()).router().rpc_layer(async |cx: Cx, next: Next| {
        let reply = next.run(cx).await;
        assert!(reply.is_err());
        reply
    });
    [
        App::before(client.clone()).router(),
        Router::new().add(EchoServer::new(client.clone())),
        App::default().router().rpc_layer(asks),
        within,
    ]
}

async fn check(server: Router, outer: Protocol, inner: &Error) {
    let client = EchoClient::in_process(server).with_protocol(outer);
    let outcome: Outcome<_> = client.forward(ping("")).into_outcome().await;
    let shown = format!("{outcome:?} {:?} {:?}", outcome.headers(), outcome.trailers());
    let error = outcome.into_result().unwrap_err();
    assert!(!shown.contains("secret") && !shown.contains("prefix"), "{outer:?}: {shown}");
    assert_eq!(error.code(), inner.code(), "{outer:?}: {inner}");
    assert_eq!(error.retry_after(), inner.retry_after(), "{outer:?}: {inner}");
    assert_eq!(error.metadata().count(), 0, "{outer:?}: {error:?}");
    assert!(error.message().contains("service that this one needs"), "{outer:?}: {error}");
}

#[tokio::test(start_paused = true)]
async fn what_a_client_says_of_its_server_is_not_told_to_a_caller() {
    for inner in PROTOCOLS {
        for channel in channels() {
            let client = EchoClient::from_channel(channel.with_protocol(inner));
            let error = client.look(ping("")).await.unwrap_err();
            for server in servers(&client) {
                for outer in PROTOCOLS {
                    check(server.clone(), outer, &error).await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_at_a_server_behind_names_no_address() {
    let hangs = tower::service_fn(async |_: Request<Body>| std::future::pending::<Answer>().await);
    let channel = Channel::new(hangs).with_url("http://secret:1").unwrap();
    let client = EchoClient::from_channel(channel.with_timeout(Duration::from_millis(5)));
    let error = client.wait(ping("")).await.unwrap_err();
    assert!(error.message().contains("http://secret:1"), "{error}");
    let outer = EchoClient::in_process(Router::new().add(EchoServer::new(client)));
    for protocol in PROTOCOLS {
        let error = outer.clone().with_protocol(protocol).wait(ping("")).await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
        assert_eq!(error.message(), "a service that this one needs did not answer in time");
    }
}

#[tokio::test]
async fn an_address_is_in_no_byte_of_an_answer() {
    // A port that was free a moment ago and that nobody listens on.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = EchoClient::connect(format!("http://{free}")).unwrap();
    let router = App::before(nobody.clone()).router();
    let response = send(&router, post("/echo_svc/Forward", Vec::new())).await;
    let told = r#"{"code":"unavailable","msg":"a service that this one needs is not reachable"}"#;
    assert_eq!(response.body(), told);

    // Nor of those that a service of another kind makes of it.
    let error = nobody.echo(ping("")).await.unwrap_err();
    assert!(error.message().contains(&free.to_string()), "{error}");
    let (parts, _) = Request::new(()).into_parts();
    for response in [error_response(&error), error_response_to(&parts, &error)] {
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), told);
    }
}

#[tokio::test]
async fn the_error_of_a_service_behind_is_passed_on_as_it_is() {
    for inner in PROTOCOLS {
        let client = App::default().client().with_protocol(inner);
        let outer = EchoClient::in_process(Router::new().add(EchoServer::new(client.clone())));
        for protocol in PROTOCOLS {
            let outer = outer.clone().with_protocol(protocol);
            for how in ["unavailable", "not_found", "detail", "source"] {
                let failure = Failure {
                    how: how.to_owned(),
                    message: "as told of http://10.0.0.7".to_owned(),
                    meta: [("body".to_owned(), "mine".to_owned())].into(),
                    retry_after_ms: 2000,
                };
                let near = client.fail(failure.clone()).await.unwrap_err();
                let far = outer.fail(failure).await.unwrap_err();
                let seen = |error: &Error| {
                    let meta: Vec<_> =
                        error.metadata().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
                    (error.to_string(), meta, error.retry_after())
                };
                assert_eq!(seen(&far), seen(&near), "{inner:?} in {protocol:?}");
                // Twirp has no place for them.
                if ![inner, protocol].contains(&Protocol::Twirp) {
                    assert_eq!(far.details(), near.details());
                }
            }
        }
    }
}
