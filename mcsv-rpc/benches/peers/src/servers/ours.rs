//! This crate: as it comes, as a tower service under bare hyper, and with everything on.

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use mcsv_core::Shutdown;
use mcsv_rpc::{Cx, Result, Router, Server};
use mcsv_telemetry::Telemetry;
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

use super::{accept, user};
use crate::BoxError;
use crate::messages::{Blob, GetUserRequest, User, Users, UsersServer};

struct App;

impl Users for App {
    async fn get_user(&self, _: &mut Cx, request: GetUserRequest) -> Result<User> {
        Ok(user(request))
    }

    async fn echo(&self, _: &mut Cx, request: Blob) -> Result<Blob> {
        Ok(request)
    }
}

fn router() -> Router {
    Router::new().add(UsersServer::new(App))
}

pub(super) async fn plain(listener: TcpListener) -> Result<(), BoxError> {
    Ok(Server::from_listener(listener)?.serve(router(), Shutdown::new()).await?)
}

pub(super) async fn tower_http1(listener: TcpListener) -> Result<(), BoxError> {
    let service = TowerToHyperService::new(router());
    loop {
        let stream = TokioIo::new(accept(&listener).await?);
        tokio::spawn(http1::Builder::new().serve_connection(stream, service.clone()));
    }
}

pub(super) async fn tower_http2(listener: TcpListener) -> Result<(), BoxError> {
    let service = TowerToHyperService::new(router());
    loop {
        let stream = TokioIo::new(accept(&listener).await?);
        let builder = http2::Builder::new(TokioExecutor::new());
        tokio::spawn(builder.serve_connection(stream, service.clone()));
    }
}

/// With the metrics of mcsv-telemetry, a subscriber that wants warnings only, and limits; the
/// deadline and the trace come with the requests.
pub(super) async fn all_on(listener: TcpListener) -> Result<(), BoxError> {
    let telemetry = Telemetry::new("bench").build()?;
    metrics::set_global_recorder(telemetry.recorder().clone())
        .map_err(|error| error.to_string())?;
    tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).init();
    limited(listener).await
}

/// The same with a line of log for each call, written to nowhere.
pub(super) async fn logging(listener: TcpListener) -> Result<(), BoxError> {
    let telemetry = Telemetry::new("bench").with_default_filter("info");
    let _guard = telemetry.with_writer(std::io::sink).install()?;
    limited(listener).await
}

async fn limited(listener: TcpListener) -> Result<(), BoxError> {
    let app = router().with_concurrency_limit(1024).with_body_limit(1 << 20);
    Ok(Server::from_listener(listener)?.serve(app, Shutdown::new()).await?)
}
