//! One upload over a bare socket that goes right, or wrong in one of the ways in which they do.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mcsv_storage::{ObjectKey, PresignPut, Signer};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;

use crate::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// All of it is sent; the answer comes unless the server is killed before.
    Honest,
    /// Half of it is sent, and then nothing until the server is killed.
    Stalls,
    /// The connection is reset half-way.
    Reset,
    TooLong,
    /// The sender says that this was all, before it was.
    TooShort,
    WrongHash,
}

const FAULTS: [Fault; 6] =
    [Fault::Honest, Fault::Stalls, Fault::Reset, Fault::TooLong, Fault::TooShort, Fault::WrongHash];

#[derive(Clone, Debug)]
pub(crate) struct FaultyUpload {
    pub(crate) key: ObjectKey,
    pub(crate) fault: Fault,
    /// What the URL demands.
    pub(crate) content: Vec<u8>,
}

/// What an upload tells of itself on its way.
#[derive(Clone)]
pub(crate) struct Progress {
    pub(crate) pieces: UnboundedSender<()>,
    pub(crate) answers: UnboundedSender<()>,
}

const PIECE: usize = 16 * 1024;

impl FaultyUpload {
    pub(crate) fn new(number: usize, random: &mut Random) -> Self {
        let key = ObjectKey::parse(&format!("uploads/{}/{number}", number % 7)).unwrap();
        let len = 2 * PIECE + random.below(600_000);
        let byte = u8::try_from(number % 251).unwrap();
        let content = (0..len).map(|at| byte ^ u8::try_from(at % 241).unwrap()).collect();
        FaultyUpload { key, fault: FAULTS[random.below(FAULTS.len())], content }
    }

    /// Whether the server has something to say on it.
    pub(crate) fn is_answered(&self) -> bool {
        !matches!(self.fault, Fault::Stalls | Fault::Reset)
    }

    /// Sends it, telling of each piece and of the answer; answers with the status if one came.
    pub(crate) async fn send(
        &self,
        server: SocketAddr,
        signer: &Signer,
        progress: Progress,
    ) -> Option<u16> {
        // A server that is killed breaks the connection: that is no failure of the test.
        let status = self.try_send(server, signer, progress.pieces).await.unwrap_or(None);
        if status.is_some() {
            let _ = progress.answers.send(());
        }
        status
    }

    async fn try_send(
        &self,
        server: SocketAddr,
        signer: &Signer,
        pieces: UnboundedSender<()>,
    ) -> io::Result<Option<u16>> {
        let (head, body) = self.request(signer);
        let mut socket = TcpStream::connect(server).await?;
        socket.write_all(head.as_bytes()).await?;
        for piece in body.chunks(PIECE) {
            socket.write_all(piece).await?;
            let _ = pieces.send(());
        }
        drop(pieces);
        match self.fault {
            Fault::Reset => {
                // Closed with data under way and no time to send it: the peer sees a reset.
                socket.set_zero_linger()?;
                return Ok(None);
            }
            Fault::TooShort => socket.shutdown().await?,
            _ => {}
        }
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await?;
        let status = std::str::from_utf8(&answer[9..]).ok().and_then(|digits| digits.parse().ok());
        Ok(status)
    }

    fn request(&self, signer: &Signer) -> (String, Vec<u8>) {
        let len = self.content.len() as u64;
        let put = signer.presign_put(&self.key).expires_in(Duration::from_secs(3600));
        let exact =
            |put: PresignPut| put.exact_len(len).sha256(Sha256::digest(&self.content).into());
        let half = self.content[..self.content.len() / 2].to_vec();
        let (put, announced, body) = match self.fault {
            Fault::Honest => (exact(put), Some(len), self.content.clone()),
            Fault::Stalls | Fault::Reset | Fault::TooShort => (exact(put), Some(len), half),
            Fault::TooLong => (put.max_len(len - 1), None, chunked(&self.content)),
            Fault::WrongHash => {
                let mut changed = self.content.clone();
                changed[0] ^= 1;
                (exact(put), Some(len), changed)
            }
        };
        let link = put.sign().unwrap();
        let path = link.url().strip_prefix("http://h").unwrap();
        let length = match announced {
            Some(len) => format!("content-length: {len}"),
            None => "transfer-encoding: chunked".to_owned(),
        };
        (format!("PUT {path} HTTP/1.1\r\nhost: h\r\n{length}\r\n\r\n"), body)
    }
}

fn chunked(content: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(content.len() + 1024);
    for piece in content.chunks(PIECE) {
        body.extend(format!("{:x}\r\n", piece.len()).bytes());
        body.extend(piece);
        body.extend(b"\r\n");
    }
    body.extend(b"0\r\n\r\n");
    body
}
