#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Generated code, of which this crate has some too, says `::mcsv_rpc`.
extern crate self as mcsv_rpc;

mod base64_any;
mod body;
mod canonical;
mod carried;
mod client;
mod codec;
mod coding;
mod compress;
mod connect;
mod cx;
mod details;
mod dialect;
mod grpc;
mod grpc_health;
mod late_timer;
mod media;
mod message;
mod method;
mod observe;
mod openapi;
mod pace;
mod peer;
mod percent;
mod protocol;
mod quick_map;
mod read;
mod retry_after;
mod rpc_layer;
mod server;
mod timeout;
#[cfg(feature = "tls")]
mod tls;
mod trace_headers;
mod trailers;
mod twirp;
mod undisclosed;
mod within;

#[doc(hidden)]
pub mod codegen;
pub mod guide;
pub mod json;

pub use body::{Body, BoxError};
pub use client::{
    Call, CallFuture, Channel, Endpoints, NeverSent, Outcome, Retry, Transport, TransportFuture,
};
pub use cx::Cx;
pub use dialect::error_response_to;
pub use mcsv_core::{Code, Deadline, Error, ErrorDetail, Health, Result, Shutdown, TraceContext};
pub use message::Message;
pub use method::{Idempotency, RpcMethod};
pub use openapi::OpenApi;
pub use peer::PeerAddr;
#[cfg(feature = "tls")]
pub use peer::PeerCertificate;
pub use protocol::Protocol;
pub use rpc_layer::{Next, Reply, RpcLayer};
pub use server::{
    HttpService, IncomingCall, Router, RouterFuture, RpcService, Server, ServiceFuture,
    ServiceOptions, serve,
};
#[cfg(feature = "tls")]
pub use tls::TlsIdentity;
pub use twirp::error_response;
pub use within::{Within, current_deadline, within};

/// The programs of the README, which may be copied as they are: no line of them is hidden, so that what
/// stands for a build script stands here. That they are the README's is a test.
#[cfg(doctest)]
#[doc = concat!(
    "```no_run\n",
    "# macro_rules! include { ($_:expr) => { ::core::include!(concat!(",
    "env!(\"CARGO_MANIFEST_DIR\"), \"/docs/readme/hello.v1.rs\")); } }\n",
    include_str!("../docs/readme/main.rs"),
    "```\n\n```\n",
    include_str!("../docs/readme/layer.rs"),
    "```\n",
)]
mod readme {}

/// Includes what `mcsv-rpc-build` generated for one protobuf package.
///
/// Packages that refer to each other must sit in modules nested like their names, since the
/// generated code says `super::`: `pub mod mcsv { pub mod v1 { .. } }`.
///
/// ```no_run
/// # #[cfg(any())]
/// mod v1 {
///     mcsv_rpc::include_proto!("mcsv.v1");
/// }
/// ```
#[macro_export]
macro_rules! include_proto {
    ($package:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $package, ".rs"));
    };
}
