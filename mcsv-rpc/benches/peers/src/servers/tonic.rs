//! tonic's own server.

#[allow(dead_code, unreachable_pub, clippy::all)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/tonic/bench.v1.rs"));
}

use generated::users_server::{Users, UsersServer};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, async_trait};

use super::user;
use crate::BoxError;
use crate::messages::{Blob, GetUserRequest, User};

struct App;

#[async_trait]
impl Users for App {
    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<User>, Status> {
        Ok(Response::new(user(request.into_inner())))
    }

    async fn echo(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

pub(super) async fn serve(listener: TcpListener) -> Result<(), BoxError> {
    let connections = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder().add_service(UsersServer::new(App));
    Ok(server.serve_with_incoming(connections).await?)
}
