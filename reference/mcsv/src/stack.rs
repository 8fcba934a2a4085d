use std::net::SocketAddr;

use client_svc::Inbox;
use mcsv_core::{Health, Shutdown};
use mcsv_rpc::Server;
use mcsv_telemetry::ServiceLayer;
use tokio::task::JoinSet;

use crate::Result;
use crate::service::{Config, Opened, Service};

/// Services that run in this process.
pub(crate) struct Stack {
    servers: JoinSet<(Service, Result<()>)>,
    workers: JoinSet<(Service, Result<()>)>,
    stop_serving: Shutdown,
    stop_working: Shutdown,
    health: Vec<Health>,
}

/// A service with its place to listen.
pub(crate) struct Seat {
    pub(crate) service: Service,
    pub(crate) server: Server,
}

impl Seat {
    pub(crate) async fn bind(service: Service, host: &str, port: u16) -> Result<Self> {
        let server = Server::bind((host, port)).await.map_err(|error| {
            format!("{} can't listen on {host}:{port}: {error}", service.name())
        })?;
        Ok(Seat { service, server })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }
}

impl Stack {
    /// Opens the services at their seats and serves them.
    pub(crate) async fn start(
        seats: Vec<Seat>,
        configs: Vec<Config>,
        inbox: &Inbox,
    ) -> Result<Self> {
        let mut stack = Stack {
            servers: JoinSet::new(),
            workers: JoinSet::new(),
            stop_serving: Shutdown::new(),
            stop_working: Shutdown::new(),
            health: Vec::new(),
        };
        for (seat, config) in seats.into_iter().zip(configs) {
            stack.seat(seat, config, inbox.clone()).await?;
        }
        Ok(stack)
    }

    async fn seat(&mut self, seat: Seat, config: Config, inbox: Inbox) -> Result<()> {
        let Seat { service, server } = seat;
        let name = service.name();
        let health = Health::new();
        let opened = mcsv_telemetry::with_service(name, config.open(inbox, health.clone())).await;
        let Opened { router, workers } = opened.map_err(|error| format!("{name}: {error}"))?;
        tracing::info!(service = name, address = %server.local_addr(), "listening");
        let router = router.layer(ServiceLayer::new(name));
        let serving = server.serve(router, self.stop_serving.clone());
        self.servers.spawn(async move {
            let served = mcsv_telemetry::with_service(name, serving).await;
            (service, served.map_err(Into::into))
        });
        if let Some(workers) = workers {
            let working = workers.work(self.stop_working.clone());
            self.workers
                .spawn(async move { (service, mcsv_telemetry::with_service(name, working).await) });
        }
        self.health.push(health);
        Ok(())
    }

    /// Ends when a service ends that should not.
    pub(crate) async fn failed(&mut self) -> mcsv_rpc::BoxError {
        let ended = tokio::select! {
            Some(ended) = self.servers.join_next() => ended,
            Some(ended) = self.workers.join_next() => ended,
        };
        match ended {
            Ok((service, Ok(()))) => format!("{} ended by itself", service.name()).into(),
            Ok((service, Err(error))) => format!("{} failed: {error}", service.name()).into(),
            Err(panicked) => panicked.into(),
        }
    }

    /// First the workers, whose running jobs still call the services; then the services.
    pub(crate) async fn stop(mut self) -> Result<()> {
        for health in &self.health {
            health.set_draining();
        }
        self.stop_working.begin();
        let worked = join(&mut self.workers).await;
        self.stop_serving.begin();
        join(&mut self.servers).await.and(worked)
    }
}

async fn join(tasks: &mut JoinSet<(Service, Result<()>)>) -> Result<()> {
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok((_, Ok(()))) => {}
            Ok((service, Err(error))) => {
                result = Err(format!("{}: {error}", service.name()).into());
            }
            Err(panicked) => result = Err(panicked.into()),
        }
    }
    result
}
