//! The server that `cargo xtask interop` lets foreign clients call.
//!
//!     interop CERTIFICATE_FILE KEY_FILE
//!
//! Prints its cleartext URL and its TLS URL, and writes the certificate and the key of the second to
//! files that are named.

mod interop {
    include!("interop.v1.rs");
}

use interop::{Failure, Interop, InteropServer, Ping};
use mcsv_rpc::{Code, Cx, Error, Router, Server, Shutdown, TlsIdentity};
use prost::Message;

struct Service;

impl Interop for Service {
    async fn echo(&self, cx: &mut Cx, request: Ping) -> mcsv_rpc::Result<Ping> {
        for (asked, answered) in
            [("x-reflect", "x-reflected"), ("x-reflect-bin", "x-reflected-bin")]
        {
            if let Some(value) = cx.headers().get(asked).cloned() {
                cx.response_headers_mut().insert(answered, value);
            }
        }
        Ok(request)
    }

    async fn fail(&self, _: &mut Cx, request: Failure) -> mcsv_rpc::Result<Ping> {
        let detail = Ping { text: "detail".to_owned(), ..Ping::default() };
        let error = Error::new(request.code.parse::<Code>()?, request.message)
            .with_detail("interop.v1.Ping", detail.encode_to_vec());
        Err(request.meta.into_iter().fold(error, |error, (k, v)| error.with_meta(k, v)))
    }

    async fn sleep(&self, _: &mut Cx, _: Ping) -> mcsv_rpc::Result<Ping> {
        std::future::pending().await
    }
}

#[tokio::main]
async fn main() -> mcsv_rpc::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [certificate, key] = &arguments[..] else {
        let problem = "no files for certificate and key: name two as arguments";
        return Err(Error::invalid_argument(problem));
    };
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    std::fs::write(certificate, made.cert.pem())?;
    std::fs::write(key, made.signing_key.serialize_pem())?;
    let identity = TlsIdentity::from_pem(made.cert.pem(), made.signing_key.serialize_pem())?;

    let plain = Server::bind("127.0.0.1:0").await?;
    let secured = Server::bind("127.0.0.1:0").await?.with_tls(identity);
    println!("http://127.0.0.1:{}", plain.local_addr().port());
    println!("https://localhost:{}", secured.local_addr().port());

    let app = Router::new().add(InteropServer::new(Service));
    let shutdown = Shutdown::new();
    let (plain, secured) =
        (plain.serve(app.clone(), shutdown.clone()), secured.serve(app, shutdown));
    tokio::try_join!(plain, secured).map(drop)
}
