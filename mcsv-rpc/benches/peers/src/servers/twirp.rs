//! twirp-rs, as its front page says.

#[allow(dead_code, unreachable_pub, clippy::all)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/twirp/bench.v1.rs"));
}

use std::sync::Arc;

use axum::Router;
use axum::serve::ListenerExt;
use generated::{Blob, GetUserRequest, User, Users};
use tokio::net::TcpListener;
use twirp::async_trait::async_trait;

use crate::BoxError;

struct App;

#[async_trait]
impl Users for App {
    async fn get_user(
        &self,
        request: twirp::Request<GetUserRequest>,
    ) -> twirp::Result<twirp::Response<User>> {
        let request = request.into_body();
        let labels = request.labels.len() as u64;
        let user = User { id: request.id, name: request.tenant, locale: request.locale, labels };
        Ok(twirp::Response::new(user))
    }

    async fn echo(&self, request: twirp::Request<Blob>) -> twirp::Result<twirp::Response<Blob>> {
        Ok(twirp::Response::new(request.into_body()))
    }
}

pub(super) async fn serve(listener: TcpListener) -> Result<(), BoxError> {
    let app = Router::new()
        .nest("/twirp", generated::router(Arc::new(App)))
        .fallback(twirp::server::not_found_handler);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, app).await?)
}
