use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Until;
use crate::BoxError;
use crate::cases::Request;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The setting with the window of a stream that begins.
const INITIAL_WINDOW: u8 = 4;

const LARGEST_FRAME: usize = 16 * 1024;
const LARGEST_WINDOW: u32 = (1 << 31) - 1;
const FIRST_WINDOW: u32 = 65_535;

/// Calls on a few streams over HTTP/2, with the least work per call: after the first one, a
/// request's headers are references to the table of the connection.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What was read and not yet looked at, from `at` on.
    input: Vec<u8>,
    at: usize,
    output: Vec<u8>,
    first_headers: Vec<u8>,
    headers: Vec<u8>,
    request: Vec<u8>,
    answer: Option<Vec<u8>>,
    streams: Vec<Stream>,
    next_id: u32,
    /// How much may be sent: over the connection, and on a stream that begins.
    window: i64,
    stream_window: i64,
    unacknowledged: u32,
    done: u64,
}

#[derive(Clone, Default)]
struct Stream {
    id: u32,
    open: bool,
    /// How much of its request is sent, and how much may be.
    sent: usize,
    window: i64,
    received: Vec<u8>,
}

impl Connection {
    /// Connects and makes a first call, whose answer all others must repeat.
    pub(super) async fn open(
        server: SocketAddr,
        request: &Request,
        streams: usize,
    ) -> Result<Self, BoxError> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let mut output = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        // The windows of the answers are as large as can be.
        frame(&mut output, SETTINGS, 0, 0, 6);
        output.extend_from_slice(&u16::from(INITIAL_WINDOW).to_be_bytes());
        output.extend_from_slice(&LARGEST_WINDOW.to_be_bytes());
        window_update(&mut output, LARGEST_WINDOW - FIRST_WINDOW);
        let (first_headers, headers) = header_blocks(request);
        let mut own = Connection {
            stream,
            input: Vec::with_capacity(256 * 1024),
            at: 0,
            output,
            first_headers,
            headers,
            request: request.body.clone(),
            answer: None,
            streams: vec![Stream::default(); streams],
            next_id: 1,
            window: FIRST_WINDOW.into(),
            stream_window: FIRST_WINDOW.into(),
            unacknowledged: 0,
            done: 0,
        };
        own.learn().await?;
        Ok(own)
    }

    async fn learn(&mut self) -> Result<(), BoxError> {
        // The server says first how much it takes.
        self.flush().await?;
        self.read().await?;
        self.take_all()?;
        self.run(Until::Calls(1)).await?;
        self.streams[0].received.is_empty().then_some(()).ok_or("an answer that is left over")?;
        match &self.answer {
            Some(answer) if !answer.is_empty() => Ok(()),
            _ => Err("an answer without a message".into()),
        }
    }

    pub(super) async fn run(&mut self, until: Until) -> Result<u64, BoxError> {
        let mut started = 0;
        self.done = 0;
        loop {
            for at in 0..self.streams.len() {
                if !self.streams[at].open && !until.is_over(started) {
                    self.begin(at);
                    started += 1;
                }
            }
            self.send_waiting();
            self.flush().await?;
            if self.streams.iter().all(|stream| !stream.open) {
                return Ok(self.done);
            }
            // The answers may have come while the requests were written.
            if !self.take_all()? {
                self.read().await?;
            }
        }
    }

    fn begin(&mut self, at: usize) {
        let id = self.next_id;
        self.next_id += 2;
        let stream = &mut self.streams[at];
        (stream.id, stream.open, stream.sent, stream.window) = (id, true, 0, self.stream_window);
        let block = if id == 1 { &self.first_headers } else { &self.headers };
        frame(&mut self.output, HEADERS, END_HEADERS, id, block.len());
        self.output.extend_from_slice(block);
    }

    /// Sends of each request what the windows let through.
    fn send_waiting(&mut self) {
        for stream in self.streams.iter_mut().filter(|stream| stream.open) {
            while stream.sent < self.request.len() {
                let room = self.window.min(stream.window).min(LARGEST_FRAME as i64);
                let piece = (room.max(0) as usize).min(self.request.len() - stream.sent);
                if piece == 0 {
                    break;
                }
                let end = stream.sent + piece;
                let flags = if end == self.request.len() { END_STREAM } else { 0 };
                frame(&mut self.output, DATA, flags, stream.id, piece);
                self.output.extend_from_slice(&self.request[stream.sent..end]);
                stream.sent = end;
                stream.window -= piece as i64;
                self.window -= piece as i64;
            }
        }
    }

    /// Writes all of it, and reads meanwhile: the server may be stuck on an answer.
    async fn flush(&mut self) -> Result<(), BoxError> {
        let (mut reader, mut writer) = self.stream.split();
        let mut written = 0;
        while written < self.output.len() {
            tokio::select! {
                biased;
                wrote = writer.write(&self.output[written..]) => written += wrote?,
                read = reader.read_buf(&mut self.input) => {
                    if read? == 0 {
                        return Err("the server closed the connection".into());
                    }
                }
            }
        }
        self.output.clear();
        Ok(())
    }

    async fn read(&mut self) -> Result<(), BoxError> {
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }

    /// Looks at every whole frame that was read; tells whether there was any.
    fn take_all(&mut self) -> Result<bool, BoxError> {
        let mut any = false;
        while let Some(head) = self.input.get(self.at..self.at + 9) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let (kind, flags) = (head[3], head[4]);
            let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            if self.input.len() < self.at + 9 + length {
                break;
            }
            let payload = self.at + 9..self.at + 9 + length;
            self.at = payload.end;
            self.take(kind, flags, id, payload)?;
            any = true;
        }
        self.input.drain(..self.at);
        self.at = 0;
        Ok(any)
    }

    fn take(
        &mut self,
        kind: u8,
        flags: u8,
        id: u32,
        payload: std::ops::Range<usize>,
    ) -> Result<(), BoxError> {
        let payload = &self.input[payload];
        match kind {
            DATA | HEADERS => {
                let stream = self.streams.iter_mut().find(|stream| stream.id == id);
                let stream = stream.ok_or("an answer to nothing")?;
                if kind == DATA {
                    stream.received.extend_from_slice(payload);
                    self.unacknowledged += payload.len() as u32;
                }
                if flags & END_STREAM != 0 {
                    stream.open = false;
                    self.done += 1;
                    let expected = self.answer.get_or_insert_with(|| stream.received.clone());
                    if *expected != stream.received {
                        return Err("an answer that differs from the first".into());
                    }
                    stream.received.clear();
                }
                if self.unacknowledged > LARGEST_WINDOW / 4 {
                    window_update(&mut self.output, self.unacknowledged);
                    self.unacknowledged = 0;
                }
            }
            SETTINGS if flags & ACK == 0 => {
                for setting in payload.as_chunks::<6>().0 {
                    if let [0, INITIAL_WINDOW, a, b, c, d] = *setting {
                        self.stream_window = u32::from_be_bytes([a, b, c, d]).into();
                    }
                }
                frame(&mut self.output, SETTINGS, ACK, 0, 0);
            }
            PING if flags & ACK == 0 => {
                frame(&mut self.output, PING, ACK, 0, payload.len());
                self.output.extend_from_slice(payload);
            }
            WINDOW_UPDATE => {
                let [a, b, c, d] = payload else { return Err("a bad frame".into()) };
                let more = i64::from(u32::from_be_bytes([*a, *b, *c, *d]));
                if id == 0 {
                    self.window += more;
                } else if let Some(own) = self.streams.iter_mut().find(|own| own.id == id) {
                    own.window += more;
                }
            }
            RESET | GOAWAY => return Err("the server refused a call".into()),
            _ => {}
        }
        Ok(())
    }
}

fn frame(output: &mut Vec<u8>, kind: u8, flags: u8, id: u32, length: usize) {
    output.extend_from_slice(&(length as u32).to_be_bytes()[1..]);
    output.extend_from_slice(&[kind, flags]);
    output.extend_from_slice(&id.to_be_bytes());
}

fn window_update(output: &mut Vec<u8>, bytes: u32) {
    frame(output, WINDOW_UPDATE, 0, 0, 4);
    output.extend_from_slice(&bytes.to_be_bytes());
}

/// The headers written out, which puts them into the connection's table, and as references to it.
fn header_blocks(request: &Request) -> (Vec<u8>, Vec<u8>) {
    // The first 61 entries are HPACK's own: 3 is `:method: POST`, 6 is `:scheme: http`.
    let mut first = vec![0x80 | 3, 0x80 | 6];
    let mut then = first.clone();
    let mut fields = vec![(":path", request.path), (":authority", "localhost")];
    fields.extend_from_slice(&request.headers);
    for (at, (name, value)) in fields.iter().enumerate() {
        first.push(0x40);
        for text in [name, value] {
            // All of them are shorter than the 127 bytes that one byte of length can say.
            first.push(text.len() as u8);
            first.extend_from_slice(text.as_bytes());
        }
        // The newest entry is the first of the table.
        then.push(0x80 | (61 + fields.len() - at) as u8);
    }
    (first, then)
}
