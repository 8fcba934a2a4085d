use std::io::Read;

use flate2::read::ZlibDecoder;

use super::chunk::Chunk;
use super::header::{Color, Head};
use crate::error::{Error, Result};
use crate::exif;
use crate::icc::Profile;
use crate::input::Input;
use crate::options::Strip;
use crate::orientation::Orientation;
use crate::page_size::Density;

/// The longest ancillary chunk that is read, and the longest text or profile inflated from one.
const LONGEST: u64 = 4 << 20;

const XMP_KEYWORD: &[u8] = b"XML:com.adobe.xmp\0";
const METRES_PER_INCH: f64 = 0.0254;

/// What the chunks beside the image data say about it.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub(crate) palette: Vec<[u8; 3]>,
    pub(crate) transparency: Transparency,
    pub(crate) profile: Option<Profile>,
    pub(crate) density: Option<Density>,
    pub(crate) orientation: Option<Orientation>,
    pub(crate) xmp: Option<Vec<u8>>,
}

/// The `tRNS` chunk (ISO/IEC 15948, 11.3.2.1).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum Transparency {
    #[default]
    None,
    /// The native sample values of the one transparent colour.
    Key(Vec<u16>),
    /// The alpha of the first entries of the palette; the rest are opaque.
    Palette(Vec<u8>),
}

impl Details {
    /// Reads a chunk that comes before the image data.
    pub(super) fn read_before_data(
        &mut self,
        input: &mut Input<'_>,
        chunk: &Chunk,
        head: &Head,
        strip: Strip,
    ) -> Result<()> {
        match &chunk.kind {
            b"PLTE" => self.read_palette(&chunk.checked_body(input)?, chunk, head),
            b"tRNS" if matches!(head.color, Color::Gray | Color::Rgb | Color::Indexed) => {
                self.read_transparency(&chunk.checked_body(input)?, chunk, head)
            }
            b"iCCP" if self.profile.is_none() => {
                let Some(body) = optional_body(input, chunk)? else { return Ok(()) };
                self.profile = profile(&body, head);
                Ok(())
            }
            b"pHYs" => {
                let Some(body) = optional_body(input, chunk)? else { return Ok(()) };
                self.density = density(&body);
                Ok(())
            }
            b"iTXt" if strip == Strip::Nothing && self.xmp.is_none() => {
                let Some(body) = optional_body(input, chunk)? else { return Ok(()) };
                self.xmp = xmp(&body);
                Ok(())
            }
            _ => self.read_anywhere(input, chunk),
        }
    }

    /// Reads a chunk that may also come after the image data.
    pub(super) fn read_anywhere(&mut self, input: &mut Input<'_>, chunk: &Chunk) -> Result<()> {
        if &chunk.kind == b"eXIf" && self.orientation.is_none() {
            let Some(body) = optional_body(input, chunk)? else { return Ok(()) };
            self.orientation = exif::orientation(&body);
            return Ok(());
        }
        if chunk.is_critical() {
            return Err(Error::malformed(chunk.place, "critical chunk is unknown or out of place"));
        }
        chunk.skip(input)
    }

    fn read_palette(&mut self, body: &[u8], chunk: &Chunk, head: &Head) -> Result<()> {
        if !self.palette.is_empty() {
            return Err(Error::malformed(chunk.place, "second palette"));
        }
        let (entries, rest) = body.as_chunks::<3>();
        let most = if head.color == Color::Indexed { 1 << head.depth } else { 256 };
        if entries.is_empty() || !rest.is_empty() || entries.len() > most {
            return Err(Error::malformed(
                chunk.place,
                format_args!("palette of {} bytes: 3 to {} are possible", body.len(), most * 3),
            ));
        }
        self.palette = entries.to_vec();
        Ok(())
    }

    fn read_transparency(&mut self, body: &[u8], chunk: &Chunk, head: &Head) -> Result<()> {
        let wrong = |length: &str| {
            let found = body.len();
            Err(Error::malformed(chunk.place, format_args!("{found} bytes: {length} are needed")))
        };
        self.transparency = match head.color {
            Color::Indexed if self.palette.is_empty() => {
                return Err(Error::malformed(chunk.place, "comes before the palette"));
            }
            Color::Indexed if body.is_empty() || body.len() > self.palette.len() => {
                return wrong("one for each palette entry or fewer");
            }
            Color::Indexed => Transparency::Palette(body.to_vec()),
            Color::Gray if body.len() != 2 => return wrong("2"),
            Color::Rgb if body.len() != 6 => return wrong("6"),
            _ => {
                let mask = u16::MAX >> (16 - head.depth);
                let (samples, _) = body.as_chunks::<2>();
                Transparency::Key(samples.iter().map(|s| u16::from_be_bytes(*s) & mask).collect())
            }
        };
        Ok(())
    }
}

/// The payload of a chunk that a decoder may do without: `None` if it is damaged or outsized.
fn optional_body(input: &mut Input<'_>, chunk: &Chunk) -> Result<Option<Vec<u8>>> {
    if u64::from(chunk.length) > LONGEST {
        tracing::debug!(chunk = %chunk.place, bytes = chunk.length, "chunk is too long, left out");
        return chunk.skip(input).map(|()| None);
    }
    let (body, right) = chunk.body(input)?;
    if !right {
        tracing::debug!(chunk = %chunk.place, "chunk has a wrong checksum, left out");
    }
    Ok(right.then_some(body))
}

/// The payload of `iCCP`: a name, a zero, the method zero and a zlib stream.
fn profile(body: &[u8], head: &Head) -> Option<Profile> {
    let name = body.iter().take(80).position(|b| *b == 0)?;
    let (0, stream) = body.get(name + 1..)?.split_first()? else { return None };
    let components = match head.color {
        Color::Gray | Color::GrayAlpha => 1,
        Color::Rgb | Color::Rgba | Color::Indexed => 3,
    };
    Profile::parse(inflate(stream)?, components)
}

/// The payload of `pHYs`: pixels a unit, of which only the metre is known.
fn density(body: &[u8]) -> Option<Density> {
    let [x0, x1, x2, x3, y0, y1, y2, y3, 1] = *body else { return None };
    let per_inch = |bytes| f64::from(u32::from_be_bytes(bytes)) * METRES_PER_INCH;
    Density::new(per_inch([x0, x1, x2, x3]), per_inch([y0, y1, y2, y3]))
}

/// The text of an `iTXt` chunk with the keyword of XMP (ISO/IEC 15948, 11.3.4.5).
fn xmp(body: &[u8]) -> Option<Vec<u8>> {
    let [compressed, 0, rest @ ..] = body.strip_prefix(XMP_KEYWORD)? else { return None };
    let language = rest.iter().position(|b| *b == 0)?;
    let rest = &rest[language + 1..];
    let translated = rest.iter().position(|b| *b == 0)?;
    let text = &rest[translated + 1..];
    match compressed {
        0 => Some(text.to_vec()),
        1 => inflate(text),
        _ => None,
    }
}

fn inflate(stream: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    ZlibDecoder::new(stream).take(LONGEST + 1).read_to_end(&mut out).ok()?;
    (out.len() as u64 <= LONGEST).then_some(out)
}
