//! connectrpc with its monomorphic dispatcher and buffa's views.

#[allow(dead_code, unreachable_pub, clippy::all)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/connect/mod.rs"));
}

use connectrpc::{
    ConnectRpcService, Encodable, RequestContext, Response, Server, ServiceRequest, ServiceResult,
};
use generated::bench::v1::{Blob, GetUserRequest, User, Users, UsersServer};
use tokio::net::TcpListener;

use crate::BoxError;

struct App;

impl Users for App {
    async fn get_user<'a>(
        &'a self,
        _: RequestContext,
        request: ServiceRequest<'_, GetUserRequest>,
    ) -> ServiceResult<impl Encodable<User> + Send + use<'a>> {
        Response::ok(User {
            id: request.id.to_owned(),
            name: request.tenant.to_owned(),
            locale: request.locale.to_owned(),
            labels: request.labels.len() as u64,
            ..Default::default()
        })
    }

    async fn echo<'a>(
        &'a self,
        _: RequestContext,
        request: ServiceRequest<'_, Blob>,
    ) -> ServiceResult<impl Encodable<Blob> + Send + use<'a>> {
        Response::ok(Blob { data: request.data.to_vec(), ..Default::default() })
    }
}

pub(super) async fn serve(listener: TcpListener) -> Result<(), BoxError> {
    let service = ConnectRpcService::new(UsersServer::new(App));
    Server::from_listener(listener).serve_with_service(service).await
}
