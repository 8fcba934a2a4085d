//! The server whose OpenAPI document `cargo xtask openapi` has linted, and its answers held against.
//!
//!     interop_openapi
//!
//! Serves the services of the tests, whose protos have every form, and one service that has next to
//! nothing of its own, and prints both URLs.

mod services;

#[allow(unreachable_pub, dead_code, clippy::all)]
mod generated {
    pub mod awkward {
        pub mod v1 {
            include!("../../tests/it/generated/awkward.v1.rs");
        }
    }
    pub mod bare {
        include!("../../tests/it/generated/_.rs");
    }
    pub mod echo {
        pub mod v1 {
            include!("../../tests/it/generated/echo.v1.rs");
        }
    }
    pub mod json {
        pub mod v1 {
            include!("../../tests/it/generated/json.v1.rs");
        }
    }
    pub mod names {
        pub mod v1 {
            include!("../../tests/it/generated/names.v1.rs");
        }
    }
    pub mod outer {
        pub mod v1 {
            include!("../../tests/it/generated/outer.v1.rs");
        }
    }
    pub mod shapes {
        pub mod v1 {
            include!("../../tests/it/generated/shapes.v1.rs");
        }
        pub mod parts {
            pub mod v1 {
                include!("../../tests/it/generated/shapes.parts.v1.rs");
            }
        }
    }
    pub mod r#type {
        pub mod v1 {
            pub mod r#async {
                include!("../../tests/it/generated/type.v1.async.rs");
            }
        }
    }
}

use generated::awkward::v1::CommentsServer;
use generated::bare::BareServer;
use generated::echo::v1::EchoServer;
use generated::json::v1::FormsServer;
use generated::names::v1::{RouterServer, WideServiceServer};
use generated::outer::v1::OutwardServer;
use generated::shapes::v1::KeywordsServer;
use generated::r#type::v1::r#async::ModServer;
use mcsv_rpc::{OpenApi, Router, Server, Shutdown};
use services::Every;

#[tokio::main]
async fn main() -> mcsv_rpc::Result<()> {
    let every = Router::new()
        .openapi(document("Every form"))
        .add(CommentsServer::new(Every))
        .add(BareServer::new(Every))
        .add(EchoServer::new(Every).with_alias("echo_svc"))
        .add(FormsServer::new(Every))
        .add(WideServiceServer::new(Every))
        .add(RouterServer::new(Every))
        .add(OutwardServer::new(Every))
        .add(ModServer::new(Every))
        .add(KeywordsServer::new(Every));
    let bare = Router::new()
        .with_twirp_prefix("")
        .openapi(document("One method"))
        .add(BareServer::new(Every));
    let (first, second) = (Server::bind("127.0.0.1:0").await?, Server::bind("127.0.0.1:0").await?);
    println!("http://{}\nhttp://{}", first.local_addr(), second.local_addr());
    let shutdown = Shutdown::new();
    tokio::try_join!(first.serve(every, shutdown.clone()), second.serve(bare, shutdown)).map(drop)
}

/// With all that a linter asks for and no proto says.
fn document(title: &str) -> OpenApi {
    OpenApi::new(title, "1.0")
        .with_server("https://every.example")
        .with_license("MIT License", "MIT")
        .with_contact("Those who test it", "https://every.example/contact")
}
