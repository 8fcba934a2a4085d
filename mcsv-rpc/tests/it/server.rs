use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use mcsv_rpc::{Body, Channel, Code, Router, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{App, EchoClient, Ping, Running, ping};
use crate::wire::raw;

#[tokio::test]
async fn a_call_goes_there_and_back_over_http_1() {
    let running = Running::start(App::default().router()).await;
    let data = bytes::Bytes::from(vec![7; 3 << 20]);
    let message = Ping { text: "hi".to_owned(), data };
    assert_eq!(running.client().echo(message.clone()).await.unwrap(), message);
}

#[tokio::test]
async fn a_call_goes_there_and_back_over_http_2_on_the_same_port() {
    let running = Running::start(App::default().router()).await;
    let http2 = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Body>();
    let channel = Channel::new(http2).with_url(&running.url).unwrap();
    let client = EchoClient::from_channel(channel);
    let calls = (0..50).map(|n| client.echo(ping(&n.to_string())).into_response());
    for (n, answer) in futures_util::future::join_all(calls).await.into_iter().enumerate() {
        let answer = answer.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_2);
        assert_eq!(answer.into_body(), ping(&n.to_string()));
    }
}

#[tokio::test]
async fn headers_go_there_and_back() {
    let running = Running::start(App::default().router()).await;
    let client = running.client().with_header("x-tenant", "everyone");
    assert_eq!(client.look(ping("")).await.unwrap().tenant, "everyone");
    let one = client.look(ping("")).header("x-tenant", "one").await.unwrap();
    assert_eq!(one.tenant, "one");
    let answer = client.echo(ping("")).header("x-reflect", "a").into_response().await.unwrap();
    assert_eq!(answer.headers()["x-reflected"], "a");
}

#[tokio::test]
async fn the_handler_learns_method_and_peer() {
    let running = Running::start(App::default().router()).await;
    let seen = running.client().look(ping("")).await.unwrap();
    assert_eq!((seen.peer.as_str(), seen.method.as_str()), ("127.0.0.1", "echo.v1.Echo/Look"));
    let layered = App::default().router().layer(tower::layer::util::Identity::new());
    let running = Running::start(layered).await;
    assert_eq!(running.client().look(ping("")).await.unwrap().peer, "127.0.0.1");
}

#[tokio::test]
async fn a_base_url_may_have_a_prefix() {
    let stripped = tower::ServiceBuilder::new()
        .map_request(|mut request: http::Request<Body>| {
            let path = request.uri().path().trim_start_matches("/behind/a").to_owned();
            *request.uri_mut() = path.parse().unwrap();
            request
        })
        .service(App::default().router());
    let running = Running::start(Router::new().nest("/behind/a/", stripped)).await;
    for end in ["", "/"] {
        let client = EchoClient::connect(format!("{}/behind/a{end}", running.url)).unwrap();
        assert_eq!(client.echo(ping("hi")).await.unwrap(), ping("hi"));
    }
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_handler() {
    let app = App::default();
    let gate = app.gate.clone();
    let running = Running::start(app.router()).await;
    let call = tokio::spawn(running.client().wait(ping("")).into_response());
    gate.entered.notified().await;
    call.abort();
    gate.left.notified().await;
}

#[tokio::test]
async fn a_slow_head_is_cut_off() {
    let running = Running::start_with(App::default().router(), |server| {
        server.with_header_timeout(Duration::from_millis(300))
    });
    let running = running.await;
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    stream.write_all(b"POST /echo_svc/Echo HTTP/1.1\r\nhost:").await.unwrap();
    let mut answer = Vec::new();
    // Ends only because the server closes the connection.
    stream.read_to_end(&mut answer).await.unwrap();
}

#[tokio::test]
async fn a_client_that_says_nothing_or_half_a_greeting_is_cut_off() {
    let running = Running::start_with(App::default().router(), |server| {
        server.with_header_timeout(Duration::from_millis(300))
    });
    let running = running.await;
    for said in [&b""[..], b"PRI * HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = TcpStream::connect(running.address()).await.unwrap();
        stream.write_all(said).await.unwrap();
        // Ends only because the server closes the connection, with a reset or without.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    running.client().echo(ping("")).await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let app = App::default();
    let gate = app.gate.clone();
    let running = Running::start_with(app.router(), |server| {
        server.with_idle_timeout(Duration::from_millis(300))
    });
    let running = running.await;
    let busy = tokio::spawn(running.client().wait(ping("busy")).into_response());
    gate.entered.notified().await;
    let head = "GET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n";
    // Kept alive, so the answer ends only when the server closes the connection.
    let answer = raw(running.address(), head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    gate.open.notify_one();
    assert_eq!(busy.await.unwrap().unwrap().into_body(), ping("busy"));
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_cut_off() {
    let running = Running::start_with(App::default().router(), |server| {
        server.with_write_timeout(Duration::from_millis(300))
    });
    let running = running.await;
    let body = prost::Message::encode_to_vec(&ping(&"a".repeat(3 << 20)));
    let head = format!(
        "POST /echo_svc/Echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/protobuf\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let request = [head.as_bytes(), &body].concat();
    // Asks again and again and never reads, until the server has had enough.
    while stream.write_all(&request).await.is_ok() {}
    running.client().echo(ping("")).await.unwrap();
}

#[tokio::test]
async fn a_head_of_too_many_lines_is_refused_in_both_versions() {
    let running = Running::start(App::default().router()).await;
    let lines: String = (0..101).map(|n| format!("x-{n}: a\r\n")).collect();
    let answer = raw(running.address(), format!("GET / HTTP/1.1\r\n{lines}\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let http2 = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Body>();
    let mut request = http::Request::get(&running.url);
    for n in 0..101 {
        request = request.header(format!("x-{n}"), "a");
    }
    let response = http2.request(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 431);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = Running::start(App::default().router()).await;
    let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(140 * 1024));
    let answer = raw(running.address(), head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn bytes_that_are_no_http_harm_nobody() {
    let running = Running::start(App::default().router()).await;
    for nonsense in [&b"\0\0\0\0\0\0\0\0\0\0\0\0\r\n\r\n"[..], b"\x16\x03\x01\x02\0\r\n\r\n"] {
        let answer = raw(running.address(), nonsense).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    running.client().echo(ping("")).await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let running = Running::start(Router::new()).await;
    let error = Server::bind(running.address().to_owned()).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert!(error.message().contains(running.address()), "{error}");
}

#[tokio::test]
async fn a_router_with_a_defect_is_not_served() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let app = Router::new().route("x", App::default().router());
    let error = server.serve(app, mcsv_core::Shutdown::new()).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_connection_over_the_limit_waits_for_its_turn() {
    let running =
        Running::start_with(App::default().router(), |server| server.with_max_connections(1));
    let running = running.await;
    let first = TcpStream::connect(running.address()).await.unwrap();
    let client = running.client();
    let waiting = tokio::spawn(client.echo(ping("second")).into_response());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    drop(first);
    assert_eq!(waiting.await.unwrap().unwrap().into_body(), ping("second"));
}

#[tokio::test]
async fn a_context_s_debug_shows_no_header_value() {
    // The handler looks at its own.
    let client = App::default().client().with_header("authorization", "Bearer secret");
    client.look(ping("")).await.unwrap();
}
