//! gRPC's health checking protocol, for load balancers and probes that speak it.
//!
//! <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>

mod check;
#[allow(unreachable_pub, dead_code, missing_docs, clippy::all)]
#[rustfmt::skip]
#[path = "grpc.health.v1.rs"]
mod v1;

pub(crate) use check::{CHECK, HealthService};
