use std::fmt;
use std::io::{self, Write};

use crate::error::{Error, Result};

/// The number of an indirect object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ref(u32);

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} 0 R", self.0)
    }
}

/// Objects on their way to a writer that cannot seek.
///
/// A stream's length is an object of its own, written after the stream, so nothing has to be
/// known or held before its bytes pass. Between `begin_stream` and `end_stream` the document is
/// an [`io::Write`] for the stream's bytes.
pub(crate) struct Document<'w> {
    out: &'w mut dyn Write,
    written: u64,
    /// The byte at which each object starts; zero until it is written.
    offsets: Vec<u64>,
    stream: Option<(u64, Ref)>,
}

impl<'w> Document<'w> {
    pub(crate) fn new(out: &'w mut dyn Write) -> Result<Self> {
        let mut document = Document { out, written: 0, offsets: Vec::new(), stream: None };
        // The second line tells transfer programs that the file is binary (ISO 32000-1, 7.5.2).
        document.bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")?;
        Ok(document)
    }

    /// The number of bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// A number for an object that is written later.
    pub(crate) fn reserve(&mut self) -> Ref {
        self.offsets.push(0);
        Ref(self.offsets.len() as u32)
    }

    pub(crate) fn object(&mut self, id: Ref, body: &str) -> Result<()> {
        self.mark(id);
        self.bytes(format!("{} 0 obj\n{body}\nendobj\n", id.0).as_bytes())
    }

    /// Starts the stream object `id` with the entries `dict`, which must not include the length.
    pub(crate) fn begin_stream(&mut self, id: Ref, dict: &str) -> Result<()> {
        let length = self.reserve();
        self.mark(id);
        self.bytes(format!("{} 0 obj\n<<{dict} /Length {length}>>\nstream\n", id.0).as_bytes())?;
        self.stream = Some((self.written, length));
        Ok(())
    }

    pub(crate) fn end_stream(&mut self) -> Result<()> {
        let Some((start, length)) = self.stream.take() else { return Ok(()) };
        let count = self.written - start;
        self.bytes(b"\nendstream\nendobj\n")?;
        self.object(length, &count.to_string())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(Error::write)
    }

    /// Writes the cross-reference table and the trailer (ISO 32000-1, 7.5.4).
    pub(crate) fn finish(&mut self, catalog: Ref, info: Ref) -> Result<()> {
        let start = self.written;
        let size = self.offsets.len() + 1;
        let mut table = format!("xref\n0 {size}\n0000000000 65535 f \n");
        for offset in &self.offsets {
            debug_assert_ne!(*offset, 0, "a reserved object was not written");
            table.push_str(&format!("{offset:010} 00000 n \n"));
        }
        table.push_str(&format!(
            "trailer\n<</Size {size} /Root {catalog} /Info {info}>>\nstartxref\n{start}\n%%EOF\n"
        ));
        self.bytes(table.as_bytes())?;
        self.flush().map_err(Error::write)
    }

    fn mark(&mut self, id: Ref) {
        self.offsets[id.0 as usize - 1] = self.written;
    }
}

impl Write for Document<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
