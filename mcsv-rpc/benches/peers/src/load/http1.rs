use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Until;
use crate::BoxError;
use crate::cases::Request;

/// One call at a time over HTTP/1.1, with the least work per call.
pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
    /// The bytes of an answer's body, which each has to repeat, and of its head before them.
    body: Vec<u8>,
    head: usize,
}

impl Connection {
    /// Connects and makes a first call, whose answer all others must repeat.
    pub(super) async fn open(server: SocketAddr, request: &Request) -> Result<Self, BoxError> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let length = request.body.len();
        let mut head = format!("POST {} HTTP/1.1\r\nhost: localhost\r\n", request.path);
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {length}\r\n\r\n"));
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&request.body);
        let mut own =
            Connection { stream, request: bytes, buffer: Vec::new(), body: Vec::new(), head: 0 };
        own.learn().await?;
        Ok(own)
    }

    async fn learn(&mut self) -> Result<(), BoxError> {
        self.stream.write_all(&self.request).await?;
        let head = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: Option<usize> = length.map(|length| length.trim().parse()).transpose()?;
        // Without a length it comes in pieces, the last of which is empty.
        let is_whole = |read: &[u8]| match length {
            Some(length) => read.len() >= head + length,
            None => read.ends_with(b"\r\n0\r\n\r\n"),
        };
        while !is_whole(&self.buffer) {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
        if !text.starts_with("http/1.1 200") || length == Some(0) {
            let body = String::from_utf8_lossy(&self.buffer[head..]);
            return Err(format!("an answer that is none:\n{text}{body}").into());
        }
        self.body = self.buffer.split_off(head);
        self.head = head;
        self.buffer.resize(head + self.body.len(), 0);
        Ok(())
    }

    pub(super) async fn run(&mut self, until: Until) -> Result<u64, BoxError> {
        let mut calls = 0;
        while !until.is_over(calls) {
            self.stream.write_all(&self.request).await?;
            self.stream.read_exact(&mut self.buffer).await?;
            let (head, body) = self.buffer.split_at(self.head);
            if !head.starts_with(b"HTTP/1.1 200") || body != self.body {
                return Err("an answer that differs from the first".into());
            }
            calls += 1;
        }
        Ok(calls)
    }
}
