use std::process::ExitCode;

use client_svc::Inbox;
use mcsv_settings::Settings;

use crate::Result;
use crate::service::{Service, configure};
use crate::stack::{Seat, Stack};
use crate::stop::asked_to_stop;

/// Runs these services until it is asked to stop: all five, or one as a container runs it.
pub(crate) async fn run(services: &[Service]) -> Result<ExitCode> {
    let name = match services {
        [one] => one.name(),
        _ => "mcsv",
    };
    let _telemetry = mcsv_telemetry::init(name)?;
    let mut settings = Settings::from_env();
    let host = settings.text("HOST", "127.0.0.1");
    let ports = match services {
        [one] => vec![settings.number("PORT", one.port().into(), 1..=65_535)],
        _ => services.iter().map(|service| service.port().into()).collect(),
    };
    let configs = configure(services, settings)?;
    let mut seats = Vec::new();
    for (service, port) in services.iter().zip(ports) {
        seats.push(Seat::bind(*service, &host, u16::try_from(port)?).await?);
    }
    let mut stack = Stack::start(seats, configs, &Inbox::new()).await?;
    if services.len() > 1 {
        eprintln!("the page is at http://{host}:{}/; Ctrl-C stops", Service::Client.port());
    }
    tokio::select! {
        () = asked_to_stop() => {
            tracing::info!("stopping: running work ends first");
            stack.stop().await?;
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        error = stack.failed() => {
            // The others end what they have begun.
            stack.stop().await?;
            Err(error)
        }
    }
}
