//! Axum with prost by hand.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::serve::ListenerExt;
use prost::Message;
use tokio::net::TcpListener;

use super::user;
use crate::BoxError;
use crate::messages::{Blob, GetUserRequest};

pub(super) async fn serve(listener: TcpListener) -> Result<(), BoxError> {
    let app = Router::new()
        .route("/twirp/bench.v1.Users/GetUser", post(get_user))
        .route("/twirp/bench.v1.Users/Echo", post(echo));
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, app).await?)
}

async fn get_user(body: Bytes) -> Result<impl IntoResponse, StatusCode> {
    let request = GetUserRequest::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(protobuf(&user(request)))
}

async fn echo(body: Bytes) -> Result<impl IntoResponse, StatusCode> {
    let blob = Blob::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(protobuf(&blob))
}

fn protobuf(message: &impl Message) -> ([(HeaderName, &'static str); 1], Vec<u8>) {
    ([(header::CONTENT_TYPE, "application/protobuf")], message.encode_to_vec())
}
