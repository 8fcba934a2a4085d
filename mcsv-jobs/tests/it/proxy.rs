//! A network between the queue and its server that can fail in all the ways of a network.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::kit::Done;

/// Carries TCP connections to the socket of a test's server.
pub(crate) struct Proxy {
    url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    socket: String,
    /// Of the connections that are made now; those before have one of their own.
    silence: Mutex<watch::Sender<Silence>>,
    /// The first answer with these bytes in it is swallowed, and its connection cut.
    trap: Mutex<Option<Vec<u8>>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Silence {
    Carries,
    Swallows,
}

impl Proxy {
    /// `url` as the test's server has it: with the folder of its socket in the query.
    pub(crate) async fn start(url: &str) -> Result<Proxy, mcsv_jobs::BoxError> {
        let (address, folder) = url.split_once("?host=").ok_or("no socket")?;
        let (_, database) = address.rsplit_once('/').ok_or("no database")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            socket: format!("{folder}/.s.PGSQL.5432"),
            silence: Mutex::new(watch::Sender::new(Silence::Carries)),
            trap: Mutex::new(None),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        let url = format!("postgres://mcsv@127.0.0.1:{port}/{database}");
        Ok(Proxy { url, shared, accepting })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// All connections that there are stay open and lead nowhere; new ones are carried.
    pub(crate) fn silence(&self) {
        let mut silence = self.shared.silence.lock().unwrap();
        let earlier = std::mem::replace(&mut *silence, watch::Sender::new(Silence::Carries));
        earlier.send_replace(Silence::Swallows);
    }

    /// Swallows the first answer with `bytes` in it, which the server has committed by then, and
    /// cuts its connection.
    pub(crate) fn lose_answer(&self, bytes: &str) {
        *self.shared.trap.lock().unwrap() = Some(bytes.as_bytes().to_vec());
    }

    pub(crate) fn has_lost_it(&self) -> bool {
        self.shared.trap.lock().unwrap().is_none()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, Arc::clone(&shared)));
    }
}

async fn carry(client: TcpStream, shared: Arc<Shared>) -> Done {
    let server = UnixStream::connect(&shared.socket).await?;
    let silence = shared.silence.lock().unwrap().subscribe();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asks = copy(&mut from_client, &mut to_server);
    let answers = async {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = from_server.read(&mut buffer).await?;
            let answer = &buffer[..length];
            if length == 0 || shared.is_trapped(answer) {
                return Done::Ok(());
            }
            to_client.write_all(answer).await?;
        }
    };
    tokio::select! {
        _ = asks => {}
        _ = answers => {}
        // Both ends stay open.
        () = silenced(silence) => std::future::pending().await,
    }
    Ok(())
}

async fn silenced(mut silence: watch::Receiver<Silence>) {
    if silence.wait_for(|now| *now == Silence::Swallows).await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl Shared {
    fn is_trapped(&self, answer: &[u8]) -> bool {
        let mut trap = self.trap.lock().unwrap();
        let hit = trap.as_ref().is_some_and(|bytes| {
            answer.windows(bytes.len()).any(|window| window == bytes.as_slice())
        });
        if hit {
            *trap = None;
        }
        hit
    }
}
