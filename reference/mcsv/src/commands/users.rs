use std::future::IntoFuture;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use mcsv_core::SpanId;
use mcsv_protos::v1::{UserRequest, UserServiceClient};
use tokio::time::Instant;

use super::quiet_telemetry;
use crate::Result;
use crate::cli::CreateUsersArgs;
use crate::patience::Patience;
use crate::say;
use crate::traced::traced;

pub(crate) async fn run(args: CreateUsersArgs) -> Result<ExitCode> {
    let _telemetry = quiet_telemetry()?;
    let user_svc = UserServiceClient::connect(&args.user_svc)
        .map_err(|error| format!("--user-svc {}: {error}", args.user_svc))?
        .with_timeout(Duration::from_secs(30));
    let patience = Patience::new()?;
    // Every run has users of its own; within a run a repeated call means the same user.
    let run = SpanId::random();
    let bar = ProgressBar::new(args.count.into());
    let begun = Instant::now();
    let mut calls = stream::iter(1..=args.count)
        .map(|number| {
            let (user_svc, patience) = (user_svc.clone(), patience.clone());
            let user = UserRequest {
                id: format!("{run}-{number}"),
                name: format!("User {number}"),
                email: format!("user{number}@example.org"),
                ..UserRequest::default()
            };
            traced(tracing::info_span!("create_user", number), |_| async move {
                let begun = Instant::now();
                let call = || user_svc.create_user(user.clone()).into_future();
                let called = patience.call(mcsv_rpc::Error::is_retryable, call).await;
                called.map(|_| begun.elapsed())
            })
        })
        .buffer_unordered(usize::try_from(args.concurrency)?);
    let mut times = Vec::new();
    let mut first_error = None;
    while let Some(called) = calls.next().await {
        bar.inc(1);
        match called {
            Ok(time) => times.push(time),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    bar.finish_and_clear();
    times.sort_unstable();
    report(&times, begun.elapsed());
    match first_error {
        None => Ok(ExitCode::SUCCESS),
        Some(error) => {
            let failed = usize::try_from(args.count)? - times.len();
            Err(format!("{failed} of {} failed, the first with: {error}", args.count).into())
        }
    }
}

fn report(times: &[Duration], elapsed: Duration) {
    let percentile =
        |p: usize| times.get((times.len() * p / 100).min(times.len().saturating_sub(1)));
    let (Some(p50), Some(p99)) = (percentile(50), percentile(99)) else { return };
    say!(
        "{} users in {:.2} s ({:.0}/s); call p50 {:.1} ms, p99 {:.1} ms",
        times.len(),
        elapsed.as_secs_f64(),
        times.len() as f64 / elapsed.as_secs_f64(),
        p50.as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3,
    );
}
