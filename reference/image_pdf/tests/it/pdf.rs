//! A reader of the PDFs that this crate writes, strict about what a viewer relies on.

use std::io::Read;

use flate2::read::ZlibDecoder;

pub(crate) struct Pdf {
    bytes: Vec<u8>,
    offsets: Vec<usize>,
}

/// A stream object: its dictionary as text and its bytes as stored.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) dict: String,
    pub(crate) data: Vec<u8>,
}

impl Pdf {
    #[track_caller]
    pub(crate) fn parse(bytes: Vec<u8>) -> Self {
        assert!(bytes.starts_with(b"%PDF-1.7\n"));
        assert!(bytes.ends_with(b"%%EOF\n"));
        let tail = String::from_utf8_lossy(&bytes[bytes.len() - 40..]).into_owned();
        let start: usize =
            tail.split("startxref\n").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
        let table = String::from_utf8_lossy(&bytes[start..]).into_owned();
        let mut lines = table.lines();
        assert_eq!(lines.next(), Some("xref"));
        let count: usize = lines.next().unwrap().strip_prefix("0 ").unwrap().parse().unwrap();
        let offsets: Vec<usize> =
            lines.take(count).map(|line| line[..10].parse().unwrap()).collect();
        for (id, offset) in offsets.iter().enumerate().skip(1) {
            assert!(bytes[*offset..].starts_with(format!("{id} 0 obj\n").as_bytes()));
        }
        Pdf { bytes, offsets }
    }

    /// The text of an object, up to its stream if it has one.
    pub(crate) fn object(&self, id: usize) -> String {
        let start = self.offsets[id];
        let rest = &self.bytes[start..];
        let end = [&b"\nstream\n"[..], b"\nendobj"]
            .iter()
            .filter_map(|mark| rest.windows(mark.len()).position(|window| window == *mark))
            .min()
            .unwrap();
        String::from_utf8(rest[..end].to_vec()).unwrap()
    }

    pub(crate) fn stream(&self, id: usize) -> Stream {
        let dict = self.object(id);
        let length_id = number(&dict, "Length").unwrap();
        let length: usize = self.object(length_id).lines().nth(1).unwrap().parse().unwrap();
        let start = self.offsets[id] + dict.len() + "\nstream\n".len();
        assert!(self.bytes[start + length..].starts_with(b"\nendstream\nendobj\n"));
        Stream { dict, data: self.bytes[start..start + length].to_vec() }
    }

    /// The image that the page shows.
    pub(crate) fn image(&self) -> Stream {
        let page = self.page();
        self.stream(number(&page, "Image").unwrap())
    }

    pub(crate) fn soft_mask(&self) -> Option<Stream> {
        number(&self.image().dict, "SMask").map(|id| self.stream(id))
    }

    pub(crate) fn page(&self) -> String {
        (1..self.offsets.len())
            .map(|id| self.object(id))
            .find(|object| object.contains("/Type /Page "))
            .unwrap()
    }

    /// The content of the page.
    pub(crate) fn content(&self) -> String {
        let id = number(&self.page(), "Contents").unwrap();
        String::from_utf8(self.stream(id).data).unwrap()
    }

    /// The ICC profile of the image's colour space, inflated.
    pub(crate) fn profile(&self) -> Option<Vec<u8>> {
        let id = number(&self.image().dict, "ICCBased")?;
        Some(inflate(&self.stream(id).data))
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Stream {
    pub(crate) fn number(&self, key: &str) -> usize {
        number(&self.dict, key).unwrap_or_else(|| panic!("no {key} in {}", self.dict))
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.dict.contains(text)
    }

    /// The samples of a deflated image, rows packed as the image has them.
    pub(crate) fn samples(&self) -> Vec<u8> {
        let data = inflate(&self.data);
        let (width, height) = (self.number("Width"), self.number("Height"));
        let bits = self.number("BitsPerComponent");
        if !self.has("/Predictor 15") {
            assert_eq!(data.len(), (width * bits).div_ceil(8) * height);
            return data;
        }
        assert_eq!(self.number("Columns"), width);
        let pixel_bits = self.number("Colors") * bits;
        let row_bytes = (width * pixel_bits).div_ceil(8);
        let distance = pixel_bits.div_ceil(8);
        assert_eq!(data.len(), (row_bytes + 1) * height);
        let mut out: Vec<u8> = Vec::with_capacity(row_bytes * height);
        for (y, row) in data.chunks_exact(row_bytes + 1).enumerate() {
            for x in 0..row_bytes {
                let at = |back_x: usize, back_y: usize| {
                    if back_x > x || back_y > y {
                        return 0;
                    }
                    i32::from(out[(y - back_y) * row_bytes + x - back_x])
                };
                let (left, up, corner) = (at(distance, 0), at(0, 1), at(distance, 1));
                let predicted = match row[0] {
                    0 => 0,
                    1 => left,
                    2 => up,
                    3 => (left + up) / 2,
                    4 => {
                        let estimate = left + up - corner;
                        [left, up, corner]
                            .into_iter()
                            .min_by_key(|value| (estimate - value).abs())
                            .unwrap()
                    }
                    other => panic!("filter {other}"),
                };
                out.push(row[x + 1].wrapping_add(predicted as u8));
            }
        }
        out
    }
}

fn number(dict: &str, key: &str) -> Option<usize> {
    let at = dict.find(&format!("/{key} "))?;
    let digits = dict[at + key.len() + 2..].split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn inflate(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    ZlibDecoder::new(data).read_to_end(&mut out).unwrap();
    out
}
