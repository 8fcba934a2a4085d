//! This crate: as it comes, as a tower service under bare hyper, and with everything on.

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use mcsv_core::Shutdown;
use mcsv_rpc::{Cx, Result, Router, Server};
use mcsv_telemetry::Telemetry;
use tokio::net::TcpListener;

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

/// With telemetry and limits; the deadline and the trace come with the requests.
///
/// A log at `warn` has no interest in the spans and lines of calls that go well; one at `info`
/// writes a line for each, here to nowhere.
pub(super) async fn all_on(listener: TcpListener, log: &str) -> Result<(), BoxError> {
    let telemetry = Telemetry::new("bench").with_default_filter(log).with_writer(std::io::sink);
    let _guard = telemetry.install()?;
    let app = router().with_concurrency_limit(1024).with_body_limit(1 << 20);
    Ok(Server::from_listener(listener)?.serve(app, Shutdown::new()).await?)
}
