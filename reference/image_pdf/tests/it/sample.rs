//! Images made in code: PNG written chunk by chunk, so that every kind and every defect can be
//! made, and JPEG by an encoder.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use jpeg_encoder::{ColorType, Encoder};

pub(crate) const ADAM7: [[usize; 4]; 7] = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
];

/// A PNG as its parts.
#[derive(Debug, Clone)]
pub(crate) struct Png {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) depth: usize,
    pub(crate) color: u8,
    pub(crate) interlaced: bool,
    /// Native samples, pixel by pixel.
    pub(crate) samples: Vec<u16>,
    pub(crate) before_data: Vec<([u8; 4], Vec<u8>)>,
    pub(crate) after_data: Vec<([u8; 4], Vec<u8>)>,
}

impl Png {
    /// An image of reproducible samples that a filter can predict only in part.
    pub(crate) fn new(width: usize, height: usize, color: u8, depth: usize) -> Self {
        let channels = channels(color);
        let mut state = 0x2545_f491u32;
        let samples = (0..width * height * channels)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let smooth = (i / channels % width * 5 + i / channels / width * 3) as u32;
                let noise = state >> 29;
                let scale = if depth == 16 { 199 } else { 1 };
                ((smooth * scale + noise) & ((1u32 << depth) - 1)) as u16
            })
            .collect();
        let mut png = Png {
            width,
            height,
            depth,
            color,
            interlaced: false,
            samples,
            before_data: Vec::new(),
            after_data: Vec::new(),
        };
        if color == 3 {
            let palette = (0..3usize << depth).map(|i| (i * 67 + 11) as u8).collect();
            png.before_data.push((*b"PLTE", palette));
        }
        png
    }

    pub(crate) fn interlaced(mut self) -> Self {
        self.interlaced = true;
        self
    }

    pub(crate) fn with(mut self, kind: &[u8; 4], body: &[u8]) -> Self {
        self.before_data.push((*kind, body.to_vec()));
        self
    }

    pub(crate) fn with_after(mut self, kind: &[u8; 4], body: &[u8]) -> Self {
        self.after_data.push((*kind, body.to_vec()));
        self
    }

    /// Packed rows of the whole image, as a PDF has them.
    pub(crate) fn packed(&self) -> Vec<u8> {
        self.samples
            .chunks(self.width * channels(self.color))
            .flat_map(|row| pack(row, self.depth))
            .collect()
    }

    /// The samples `from..to` of each pixel, packed.
    pub(crate) fn packed_channels(&self, from: usize, to: usize) -> Vec<u8> {
        let channels = channels(self.color);
        let picked: Vec<u16> =
            self.samples.chunks(channels).flat_map(|p| p[from..to].to_vec()).collect();
        picked.chunks(self.width * (to - from)).flat_map(|row| pack(row, self.depth)).collect()
    }

    pub(crate) fn header(&self) -> Vec<u8> {
        let mut header = Vec::new();
        header.extend_from_slice(&(self.width as u32).to_be_bytes());
        header.extend_from_slice(&(self.height as u32).to_be_bytes());
        let interlaced = u8::from(self.interlaced);
        header.extend_from_slice(&[self.depth as u8, self.color, 0, 0, interlaced]);
        header
    }

    /// The rows with their filter bytes, each row with another filter.
    pub(crate) fn filtered(&self) -> Vec<u8> {
        let channels = channels(self.color);
        let passes: &[[usize; 4]] = if self.interlaced { &ADAM7 } else { &[[0, 0, 1, 1]] };
        let distance = (channels * self.depth).div_ceil(8);
        let mut out = Vec::new();
        for [left, top, step_x, step_y] in passes {
            let mut above: Vec<u8> = Vec::new();
            for (index, y) in (*top..self.height).step_by(*step_y).enumerate() {
                let row: Vec<u16> = (*left..self.width)
                    .step_by(*step_x)
                    .flat_map(|x| {
                        let at = (y * self.width + x) * channels;
                        self.samples[at..at + channels].to_vec()
                    })
                    .collect();
                if row.is_empty() {
                    continue;
                }
                let row = pack(&row, self.depth);
                above.resize(row.len(), 0);
                out.extend(filter((index % 5) as u8, &row, &above, distance));
                above = row;
            }
        }
        out
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        self.encode_data(&zlib(&self.filtered()), 1000)
    }

    /// The file with `data` as its zlib stream, in chunks of `chunk_bytes`.
    pub(crate) fn encode_data(&self, data: &[u8], chunk_bytes: usize) -> Vec<u8> {
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        out.extend(chunk(b"IHDR", &self.header()));
        self.before_data.iter().for_each(|(kind, body)| out.extend(chunk(kind, body)));
        data.chunks(chunk_bytes).for_each(|part| out.extend(chunk(b"IDAT", part)));
        self.after_data.iter().for_each(|(kind, body)| out.extend(chunk(kind, body)));
        out.extend(chunk(b"IEND", b""));
        out
    }
}

pub(crate) fn channels(color: u8) -> usize {
    match color {
        0 | 3 => 1,
        4 => 2,
        2 => 3,
        _ => 4,
    }
}

/// All colour types with all their depths.
pub(crate) fn kinds() -> Vec<(u8, usize)> {
    let low = [1, 2, 4, 8];
    let mut kinds: Vec<_> = low.iter().flat_map(|depth| [(0, *depth), (3, *depth)]).collect();
    kinds.extend([(0, 16), (2, 8), (2, 16), (4, 8), (4, 16), (6, 8), (6, 16)]);
    kinds
}

pub(crate) fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(kind);
    out.extend_from_slice(body);
    let crc = crc32fast::hash(&out[4..]);
    out.extend_from_slice(&crc.to_be_bytes());
    out
}

pub(crate) fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn pack(row: &[u16], depth: usize) -> Vec<u8> {
    match depth {
        16 => row.iter().flat_map(|sample| sample.to_be_bytes()).collect(),
        8 => row.iter().map(|sample| *sample as u8).collect(),
        _ => row
            .chunks(8 / depth)
            .map(|samples| {
                let bits = |(i, sample): (usize, &u16)| (*sample as u8) << (8 - depth * (i + 1));
                samples.iter().enumerate().map(bits).sum()
            })
            .collect(),
    }
}

fn filter(kind: u8, row: &[u8], above: &[u8], distance: usize) -> Vec<u8> {
    let mut out = vec![kind];
    for (x, byte) in row.iter().enumerate() {
        let back = |bytes: &[u8]| if x < distance { 0 } else { i32::from(bytes[x - distance]) };
        let (left, up, corner) = (back(row), i32::from(above[x]), back(above));
        let predicted = match kind {
            0 => 0,
            1 => left,
            2 => up,
            3 => (left + up) / 2,
            _ => {
                let estimate = left + up - corner;
                *[left, up, corner].iter().min_by_key(|v| (estimate - **v).abs()).unwrap()
            }
        };
        out.push(byte.wrapping_sub(predicted as u8));
    }
    out
}

/// A smooth picture of `channels` bytes a pixel.
pub(crate) fn photo(width: usize, height: usize, channels: usize) -> Vec<u8> {
    (0..width * height * channels)
        .map(|i| {
            let (pixel, channel) = (i / channels, i % channels);
            let (x, y) = ((pixel % width) as f32, (pixel / width) as f32);
            let wave = (x / (9.0 + channel as f32)).sin() + (y / 13.0).cos();
            (128.0 + wave * 50.0) as u8
        })
        .collect()
}

pub(crate) fn jpeg(
    width: usize,
    height: usize,
    color: ColorType,
    quality: u8,
    setup: impl FnOnce(&mut Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let channels = match color {
        ColorType::Luma => 1,
        ColorType::Rgb | ColorType::Ycbcr => 3,
        _ => 4,
    };
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, quality);
    setup(&mut encoder);
    let data = photo(width, height, channels);
    encoder.encode(&data, width as u16, height as u16, color).unwrap();
    out
}

/// A TIFF structure that holds an orientation.
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    tiff.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0]);
    tiff
}

/// A profile whose header is sound, of `size` bytes.
pub(crate) fn icc(space: &[u8; 4], size: usize) -> Vec<u8> {
    let mut profile = vec![0x5a; size];
    profile[..4].copy_from_slice(&(size as u32).to_be_bytes());
    profile[8] = 2;
    profile[12..16].copy_from_slice(b"mntr");
    profile[16..20].copy_from_slice(space);
    profile[36..40].copy_from_slice(b"acsp");
    profile
}
