use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use mcsv_core::Backoff;
use mcsv_rpc::{Body, Channel, Code, Deadline, Endpoints, Protocol, Retry, within};
use tokio::time::{Instant, sleep};

use crate::app::{EchoClient, Failure, ping};

const MS: Duration = Duration::from_millis(1);

/// What a server does with one request.
#[derive(Clone, Copy, Debug)]
enum Does {
    Answers,
    /// With this status, as a proxy does.
    Fails(u16),
    /// With 503, and says when to come back, in seconds.
    PushesBack(u64),
    /// As a gRPC server does, with this `grpc-retry-pushback-ms`.
    PushesBackGrpc(&'static str),
    HangsUp,
    AnswersAfter(Duration),
    FailsAfter(Duration),
    Hangs,
}

/// A transport that does what it is told, one request after the other, and then answers.
#[derive(Clone, Default)]
struct Script {
    todo: Arc<Mutex<VecDeque<Does>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    given_up: Arc<Mutex<u32>>,
}

#[derive(Clone, Debug)]
struct Seen {
    at: Instant,
    host: String,
    headers: HeaderMap,
}

/// Counts the requests that are dropped before they are answered.
struct Unanswered(Arc<Mutex<u32>>, bool);

impl Drop for Unanswered {
    fn drop(&mut self) {
        if self.1 {
            *self.0.lock().unwrap() += 1;
        }
    }
}

impl Script {
    fn new(todo: impl IntoIterator<Item = Does>) -> Self {
        let todo = Arc::new(Mutex::new(todo.into_iter().collect()));
        Script { todo, ..Script::default() }
    }

    fn channel(&self) -> Channel {
        let script = self.clone();
        Channel::new(tower::service_fn(move |request| script.clone().serve(request)))
    }

    fn client(&self, set: impl FnOnce(Channel) -> Channel) -> EchoClient {
        EchoClient::from_channel(set(self.channel()))
    }

    async fn serve(self, request: Request<Body>) -> Result<Response<Full<bytes::Bytes>>, String> {
        let host = request.uri().host().unwrap().to_owned();
        let seen = Seen { at: Instant::now(), host, headers: request.headers().clone() };
        self.seen.lock().unwrap().push(seen);
        let does = self.todo.lock().unwrap().pop_front().unwrap_or(Does::Answers);
        let mut unanswered = Unanswered(self.given_up.clone(), true);
        let answer = answer(does, request.headers()).await;
        unanswered.1 = false;
        answer
    }

    fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The milliseconds between the requests.
    fn pauses(&self) -> Vec<u64> {
        let seen = self.seen.lock().unwrap();
        let pairs = seen.windows(2);
        pairs.map(|pair| (pair[1].at - pair[0].at).as_millis() as u64).collect()
    }

    fn hosts(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.host.clone()).collect()
    }
}

async fn answer(does: Does, asked: &HeaderMap) -> Result<Response<Full<bytes::Bytes>>, String> {
    let mut response = Response::new(Full::default());
    response.headers_mut().insert(CONTENT_TYPE, asked[CONTENT_TYPE].clone());
    if asked[CONTENT_TYPE].to_str().unwrap().starts_with("application/grpc") {
        response.headers_mut().insert("grpc-status", "14".parse().unwrap());
    }
    match does {
        Does::Answers => {}
        Does::Fails(status) => *response.status_mut() = status.try_into().unwrap(),
        Does::PushesBack(seconds) => {
            *response.status_mut() = 503.try_into().unwrap();
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        Does::PushesBackGrpc(pushback) => {
            response.headers_mut().insert("grpc-retry-pushback-ms", pushback.parse().unwrap());
        }
        Does::HangsUp => return Err("the connection was reset".into()),
        Does::AnswersAfter(time) => sleep(time).await,
        Does::FailsAfter(time) => {
            sleep(time).await;
            return Err("the connection was reset".into());
        }
        Does::Hangs => std::future::pending().await,
    }
    Ok(response)
}

/// Without chance: 100 ms, 200 ms, 400 ms.
fn steady(attempts: u32) -> Retry {
    let backoff = Backoff::exponential(100 * MS, 1000 * MS).unwrap().with_jitter(0.0).unwrap();
    Retry::idempotent(attempts).with_backoff(backoff)
}

#[tokio::test(start_paused = true)]
async fn a_call_without_side_effects_is_sent_again_after_growing_waits() {
    let script = Script::new([Does::Fails(503), Does::HangsUp, Does::Fails(502)]);
    let client = script.client(|channel| channel.with_retry(steady(4)));
    client.echo(ping("")).await.unwrap();
    assert_eq!(script.pauses(), [100, 200, 400]);
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_the_answer() {
    let script = Script::new([Does::Fails(503), Does::HangsUp, Does::Fails(504)]);
    let client = script.client(|channel| channel.with_retry(Retry::idempotent(3)));
    let error = client.echo(ping("")).await.unwrap_err();
    assert_eq!(error.meta("status_code"), Some("504"));
    assert_eq!(script.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_have_had_an_effect_is_not_sent_again() {
    for does in [Does::Fails(503), Does::HangsUp] {
        let script = Script::new([does]);
        let client = script.client(|channel| channel.with_retry(Retry::idempotent(3)));
        let error = client.fail(Failure::default()).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert_eq!(script.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_have_been_read_goes_to_no_other_endpoint_at_once() {
    for does in [Does::Fails(503), Does::HangsUp] {
        let script = Script::new([does]);
        let all = Endpoints::new(["http://a", "http://b"]).unwrap();
        let client = script.client(|channel| channel.with_endpoints(all));
        let error = client.echo(ping("")).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert_eq!(script.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_request_can_t_help_is_not_sent_again() {
    for status in [400, 401, 403, 404, 500] {
        let script = Script::new([Does::Fails(status)]);
        let client = script.client(|channel| channel.with_retry(Retry::idempotent(3)));
        assert!(client.echo(ping("")).await.is_err());
        assert_eq!(script.count(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_can_ask_for_more_or_for_none() {
    let script = Script::new([Does::Fails(503)]);
    let client = script.client(|channel| channel.with_retry(Retry::idempotent(3)));
    assert!(client.echo(ping("")).no_retry().await.is_err());
    assert_eq!(script.count(), 1);

    let script = Script::new([Does::Fails(503)]);
    script.client(|channel| channel).echo(ping("")).retry(steady(2)).await.unwrap();
    assert_eq!(script.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_retry_hint_is_waited_for_unless_it_is_long() {
    let script = Script::new([Does::PushesBack(3)]);
    let client = script.client(|channel| channel.with_retry(steady(2)));
    client.echo(ping("")).await.unwrap();
    assert_eq!(script.pauses(), [3000]);

    let script = Script::new([Does::PushesBack(60)]);
    let client = script.client(|channel| channel.with_retry(steady(2)));
    let error = client.echo(ping("")).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
    assert_eq!(script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_wait_goes_beyond_the_deadline() {
    let script = Script::new([Does::Fails(503); 9]);
    let client = script.client(|channel| channel.with_retry(steady(9)));
    let begun = Instant::now();
    let error = client.echo(ping("")).timeout(Duration::from_millis(500)).await.unwrap_err();
    // At 0, 100 and 300 ms; the fourth would be at 700 ms.
    assert_eq!((script.count(), error.code()), (3, Code::Unavailable));
    assert_eq!(begun.elapsed(), Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn no_wait_goes_beyond_the_deadline_of_the_running_handler() {
    let script = Script::new([Does::Fails(503); 9]);
    let client = script.client(|channel| channel.with_retry(steady(9)));
    let deadline = Deadline::after(Instant::now().into_std(), Duration::from_millis(150));
    let error = within(deadline, async { client.echo(ping("")).await }).await.unwrap_err();
    assert_eq!((script.count(), error.code()), (2, Code::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn each_attempt_tells_what_is_left_of_the_time() {
    let script = Script::new([Does::Fails(503)]);
    let client = script.client(|channel| channel.with_retry(steady(2)));
    client.echo(ping("")).timeout(Duration::from_secs(1)).await.unwrap();
    let seen = script.seen.lock().unwrap();
    let left: Vec<_> = seen.iter().map(|seen| &seen.headers["connect-timeout-ms"]).collect();
    assert_eq!(left, ["1000", "900"]);
}

#[tokio::test(start_paused = true)]
async fn grpc_is_told_how_many_attempts_went_before() {
    let script = Script::default();
    let set = |channel: Channel| channel.with_protocol(Protocol::Grpc).with_retry(steady(3));
    assert!(script.client(set).echo(ping("")).await.is_err());
    let seen = script.seen.lock().unwrap();
    let name = "grpc-previous-rpc-attempts";
    let told: Vec<_> =
        seen.iter().map(|seen| seen.headers.get(name).map(|v| v.to_str().unwrap())).collect();
    assert_eq!(told, [None, Some("1"), Some("2")]);
}

#[tokio::test(start_paused = true)]
async fn a_grpc_server_says_when_to_come_back_or_that_no_one_should() {
    let sent = async |todo: &[Does]| {
        let script = Script::new(todo.to_vec());
        let set = |channel: Channel| channel.with_protocol(Protocol::Grpc).with_retry(steady(3));
        assert!(script.client(set).echo(ping("")).await.is_err());
        script.pauses()
    };
    assert_eq!(sent(&[Does::PushesBackGrpc("700"), Does::PushesBackGrpc("-1")]).await, [700]);
    assert_eq!(sent(&[Does::PushesBackGrpc("10"), Does::PushesBackGrpc("0")]).await, [100, 200]);
    for never in ["-1", "never", "5001"] {
        assert_eq!(sent(&[Does::PushesBackGrpc(never)]).await, [0; 0], "{never}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_costs_one_attempt_s_time() {
    let script = Script::new([Does::Hangs]);
    let retry = steady(2).with_attempt_timeout(Duration::from_millis(250));
    let client = script.client(|channel| channel.with_retry(retry));
    client.echo(ping("")).await.unwrap();
    assert_eq!(script.pauses(), [350]);
    assert_eq!(*script.given_up.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_down_is_not_asked_many_times_as_often() {
    let script = Script::new([Does::Fails(503); 4000]);
    let retry = steady(3).with_budget(20, 0);
    let client = script.client(|channel| channel.with_retry(retry));
    for _ in 0..1000 {
        // The budget is that of all clones.
        assert!(client.clone().echo(ping("")).await.is_err());
    }
    // What was saved up, and a fifth of the calls after the first, which found the bucket full.
    assert_eq!(script.count(), 1000 + 10 + 199);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_waits_sends_no_more() {
    let script = Script::new([Does::Fails(503)]);
    let client = script.client(|channel| channel.with_retry(steady(2)));
    let call = tokio::time::timeout(50 * MS, client.echo(ping(""))).await;
    assert!(call.is_err());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_to_another_endpoint() {
    for _ in 0..20 {
        let script = Script::new([Does::Fails(503), Does::Fails(503)]);
        let all = Endpoints::new(["http://a", "http://b", "http://c"]).unwrap();
        let client = script.client(|channel| channel.with_endpoints(all).with_retry(steady(3)));
        client.echo(ping("")).await.unwrap();
        let mut hosts = script.hosts();
        hosts.sort();
        assert_eq!(hosts, ["a", "b", "c"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_is_hedged_and_the_loser_is_given_up() {
    let script = Script::new([Does::Hangs]);
    let all = Endpoints::new(["http://a", "http://b"]).unwrap();
    let set = |channel: Channel| channel.with_endpoints(all).with_hedge_after(20 * MS);
    let begun = Instant::now();
    script.client(set).echo(ping("")).await.unwrap();
    assert_eq!(begun.elapsed(), 20 * MS);
    assert_eq!(*script.given_up.lock().unwrap(), 1);
    let hosts = script.hosts();
    assert_ne!(hosts[0], hosts[1]);
}

#[tokio::test(start_paused = true)]
async fn a_quick_call_is_not_hedged() {
    let script = Script::new([Does::AnswersAfter(19 * MS)]);
    script.client(|channel| channel.with_hedge_after(20 * MS)).echo(ping("")).await.unwrap();
    assert_eq!(script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_have_an_effect_is_not_hedged() {
    let script = Script::new([Does::AnswersAfter(100 * MS)]);
    let client = script.client(|channel| channel.with_hedge_after(20 * MS));
    client.fail(Failure::default()).await.unwrap();
    assert_eq!(script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_fails_does_not_end_the_first_request() {
    let script = Script::new([Does::AnswersAfter(100 * MS), Does::HangsUp]);
    let client = script.client(|channel| channel.with_hedge_after(20 * MS));
    client.echo(ping("")).await.unwrap();

    let script = Script::new([Does::FailsAfter(30 * MS), Does::AnswersAfter(100 * MS)]);
    let client = script.client(|channel| channel.with_hedge_after(20 * MS));
    client.echo(ping("")).await.unwrap();
    assert_eq!(script.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn hedges_stop_where_the_budget_ends() {
    let script = Script::new([Does::AnswersAfter(100 * MS); 4000]);
    let retry = Retry::idempotent(1).with_budget(10, 0);
    let client = script.client(|channel| channel.with_retry(retry).with_hedge_after(20 * MS));
    for _ in 0..200 {
        client.echo(ping("")).await.unwrap();
    }
    assert_eq!(script.count(), 200 + 10 + 19);
}

#[tokio::test(start_paused = true)]
async fn a_hint_to_come_back_later_stops_the_hedge() {
    let script = Script::new([Does::PushesBack(60)]);
    let client = script.client(|channel| channel.with_hedge_after(20 * MS));
    assert!(client.echo(ping("")).await.is_err());
    assert_eq!(script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn all_endpoints_may_go_down_and_come_back() {
    let down = Arc::new(Mutex::new(vec!["a".to_owned()]));
    let is_down = down.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let host = request.uri().host().unwrap().to_owned();
        let mut response = Response::new(Full::<bytes::Bytes>::default());
        response.headers_mut().insert(CONTENT_TYPE, request.headers()[CONTENT_TYPE].clone());
        response.headers_mut().insert("x-host", host.parse().unwrap());
        if is_down.lock().unwrap().contains(&host) {
            *response.status_mut() = 503.try_into().unwrap();
        }
        async { Ok::<_, Infallible>(response) }
    });
    let all = Endpoints::new(["http://a", "http://b", "http://c"]).unwrap();
    let client = EchoClient::from_channel(Channel::new(service).with_endpoints(all));
    let calls = async |count: u32| {
        let mut good = 0;
        for _ in 0..count {
            good += u32::from(client.echo(ping("")).await.is_ok());
        }
        good
    };

    // One is down: it is left out after five failures, and one probe in each of its time-outs.
    let good = calls(1000).await;
    assert!((990..=995).contains(&good), "{good}");
    sleep(Duration::from_millis(1001)).await;
    assert_eq!(calls(100).await, 99);

    *down.lock().unwrap() = ["a", "b", "c"].map(str::to_owned).to_vec();
    assert_eq!(calls(1000).await, 0);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(calls(1000).await, 0);

    // Back: whoever was left out is probed, the others never were.
    down.lock().unwrap().clear();
    assert_eq!(calls(100).await, 100);
    sleep(Duration::from_secs(61)).await;
    let mut hosts = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let response = client.echo(ping("")).into_response().await.unwrap();
        hosts.insert(response.headers()["x-host"].to_str().unwrap().to_owned());
    }
    assert_eq!(hosts.len(), 3);
}
