//! Tests of the public interface: over sockets, in process, and on the bytes of the wire.

#![allow(clippy::unwrap_used, reason = "a test fails by it, helpers included")]

mod app;
mod wire;

mod balance;
mod body_limits;
mod client_errors;
mod client_get;
mod compression;
mod connect;
mod deadlines;
mod disclosure;
mod errors;
mod fuzzed;
mod generated_code;
mod grpc;
mod grpc_cases;
mod health;
mod hostile;
mod hostile_clients;
mod hostile_depths;
mod hostile_http2;
mod hostile_servers;
mod json;
mod json_known;
mod layers;
mod nesting;
mod observed;
mod openapi;
mod overload;
mod pooling;
mod readme;
mod refused;
mod retries;
mod routing;
mod rpc_layers;
mod server;
mod shutdown;
#[cfg(feature = "tls")]
mod tls;
mod traces;
mod twirp_json;

/// Needs no leave: a user's crate may deny every warning.
#[deny(warnings, missing_docs, unused, clippy::all, clippy::pedantic)]
mod awkward {
    include!("generated/awkward.v1.rs");
}

#[allow(unreachable_pub, dead_code, clippy::all)]
mod generated {
    pub mod bare {
        include!("generated/_.rs");
    }
    pub mod echo {
        pub mod v1 {
            include!("generated/echo.v1.rs");
        }
    }
    pub mod json {
        pub mod v1 {
            include!("generated/json.v1.rs");
        }
    }
    pub mod names {
        pub mod v1 {
            include!("generated/names.v1.rs");
        }
    }
    pub mod outer {
        pub mod v1 {
            include!("generated/outer.v1.rs");
        }
    }
    pub mod shapes {
        pub mod v1 {
            include!("generated/shapes.v1.rs");
        }
        pub mod parts {
            pub mod v1 {
                include!("generated/shapes.parts.v1.rs");
            }
        }
    }
    pub mod r#type {
        pub mod v1 {
            pub mod r#async {
                include!("generated/type.v1.async.rs");
            }
        }
    }
}
