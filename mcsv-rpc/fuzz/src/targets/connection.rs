//! Any bytes on a connection, HTTP/1.1 or HTTP/2: the server ends it, and serves the next.
//!
//! It goes over a socket of this machine, since that is what a server takes.

use std::cell::OnceCell;
use std::io::{Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::time::Duration;

use mcsv_rpc::{Server, Shutdown};
use tokio::runtime::Builder;

use super::service;

const HEALTH: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

pub fn run(bytes: &[u8]) {
    thread_local!(static ADDRESS: OnceCell<SocketAddr> = const { OnceCell::new() });
    let address = ADDRESS.with(|address| *address.get_or_init(start));
    let stranger = send(address, bytes).expect("the server accepts");
    // The end of what it sends; the server may be gone before.
    let _ = stranger.shutdown(Half::Write);
    let _ = read_to_end(stranger);

    // This one stays open: a server need not answer a peer that has closed its half.
    let next = send(address, HEALTH).and_then(read_to_end).expect("the server goes on");
    assert!(next.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&next));
}

/// A server for the rest of the process.
fn start() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        runtime.block_on(async {
            let server = Server::bind("127.0.0.1:0").await.expect("a port is free");
            let server = server.with_header_timeout(Duration::from_secs(5));
            tell.send(server.local_addr()).expect("the target waits");
            server.serve(service::router(), Shutdown::new()).await
        })
    });
    told.recv().expect("the server starts")
}

fn send(address: SocketAddr, bytes: &[u8]) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    // A server that has read enough closes, and what is sent then fails.
    let _ = stream.write_all(bytes);
    Ok(stream)
}

/// What comes back until the server closes.
fn read_to_end(mut stream: TcpStream) -> std::io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            panic!("the connection is still open after 20 seconds")
        }
        Err(error) => Err(error),
        Ok(_) => Ok(answer),
    }
}
