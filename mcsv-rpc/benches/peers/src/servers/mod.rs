//! The servers. Each is a process of its own with one thread that serves.

mod axum;
mod bare;
mod connect;
mod ours;
mod tonic;
mod twirp;

use std::io::{BufRead, Write};
use std::net::SocketAddr;

use rustix::time::{ClockId, clock_gettime};
use tokio::net::{TcpListener, TcpStream};

use crate::BoxError;
use crate::messages::{GetUserRequest, User};

/// The work of a call: the same for every server.
pub(crate) fn user(request: GetUserRequest) -> User {
    let labels = request.labels.len() as u64;
    User { id: request.id, name: request.tenant, locale: request.locale, labels }
}

/// Serves until its standard input ends. It says where it listens, and then, for each line that it
/// reads, how many nanoseconds of a processor it has used.
pub(crate) fn serve(name: &str) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        answer_parent(listener.local_addr()?)?;
        match name {
            "bare-h1" => bare::http1(listener).await,
            "bare-h2" => bare::http2(listener).await,
            "ours" => ours::plain(listener).await,
            "ours-tower-h1" => ours::tower_http1(listener).await,
            "ours-tower-h2" => ours::tower_http2(listener).await,
            "ours-all" => ours::all_on(listener).await,
            "ours-log" => ours::logging(listener).await,
            "axum" => axum::serve(listener).await,
            "connect" => connect::serve(listener).await,
            "tonic" => tonic::serve(listener).await,
            "twirp" => twirp::serve(listener).await,
            other => Err(format!("no server is named {other}").into()),
        }
    })
}

fn answer_parent(address: SocketAddr) -> Result<(), BoxError> {
    let mut out = std::io::stdout();
    writeln!(out, "{address}")?;
    out.flush()?;
    std::thread::spawn(move || {
        for _ in std::io::stdin().lock().lines() {
            let used = clock_gettime(ClockId::ProcessCPUTime);
            let written = writeln!(out, "{}", used.tv_sec * 1_000_000_000 + used.tv_nsec);
            if written.and_then(|()| out.flush()).is_err() {
                break;
            }
        }
        std::process::exit(0);
    });
    Ok(())
}

/// The next connection, which sends small answers at once.
async fn accept(listener: &TcpListener) -> Result<TcpStream, BoxError> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
