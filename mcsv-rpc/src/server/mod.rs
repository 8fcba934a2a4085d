//! From a connection to a handler, in the order in which a request passes.

mod accept;
mod activity;
mod answer;
mod call;
mod connection;
mod dispatch;
mod exchange;
mod guard;
mod http1;
mod http_service;
mod layered;
mod linger;
mod negotiate;
mod packing;
mod places;
mod probe;
mod router;
mod router_future;
mod routes;
mod running;
mod serve;
mod service;
mod watchdog;
mod watched;

pub(crate) use activity::InFlight;
pub use call::IncomingCall;
pub use http_service::HttpService;
pub(crate) use http_service::{BoxHttpService, HttpFuture};
pub(crate) use probe::ready;
pub use router::Router;
pub use router_future::RouterFuture;
pub use serve::{Server, serve};
pub use service::{RpcService, ServiceFuture, ServiceOptions};
