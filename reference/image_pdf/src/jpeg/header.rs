use super::frame::{Frame, is_frame};
use super::segment::{COM, DHT, DQT, DRI, EOI, SOI, SOS, Segment};
use super::tables::{Tables, steps_at};
use crate::error::{Error, Result};
use crate::exif;
use crate::icc::Profile;
use crate::input::Input;
use crate::options::{Options, Strip};
use crate::orientation::Orientation;
use crate::page_size::Density;
use crate::pdf::{Space, Transform};
use crate::place::Place;

/// The most bytes of segments before the first scan that are held.
const LONGEST: usize = 32 << 20;

const CENTIMETRES_PER_INCH: f64 = 2.54;
const ICC: &[u8] = b"ICC_PROFILE\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// Everything before the first scan of a JPEG.
pub(crate) struct Header {
    pub(crate) frame: Frame,
    pub(crate) density: Option<Density>,
    pub(crate) orientation: Orientation,
    pub(crate) profile: Option<Profile>,
    pub(crate) xmp: Option<Vec<u8>>,
    /// The transform that an Adobe segment names (ITU-T T.872, 6.5.3).
    adobe: Option<u8>,
    is_jfif: bool,
    pub(super) tables: Tables,
    /// The start of the file as it goes into the PDF, up to the header of the first scan.
    pub(super) kept: Vec<u8>,
    pub(super) first_scan: Segment,
}

/// Reads up to the first scan.
pub(crate) fn read_header(input: &mut Input<'_>, options: &Options) -> Result<Header> {
    let start = Place::Jpeg { marker: SOI, at: 0 };
    let mut marker = [0; 2];
    input.read_exact(&mut marker, start)?;
    if marker != [0xff, SOI] {
        return Err(Error::malformed(start, "start marker is missing"));
    }
    let strip = options.strip_metadata();
    let mut kept = marker.to_vec();
    let mut found = Found::default();
    let (mut frame, mut tables) = (None, Tables::default());
    let first_scan = loop {
        let segment = Segment::next(input)?;
        match segment.marker {
            SOS => break segment,
            EOI => return Err(segment.wrong("image ends without a scan")),
            DQT | DHT | DRI => tables.read(&segment)?,
            0xcc => {
                return Err(Error::unsupported(format!("{}: arithmetic coding", segment.place)));
            }
            marker if is_frame(marker) => {
                if frame.replace(Frame::parse(&segment, options.limits())?).is_some() {
                    return Err(segment.wrong("second frame"));
                }
            }
            _ => found.look_at(&segment)?,
        }
        keep(segment, strip, &mut kept);
        if kept.len() > LONGEST || found.profile_bytes > LONGEST {
            return Err(Error::limit(format!(
                "jpeg has more than {LONGEST} bytes before its first scan: strip its metadata"
            )));
        }
    };
    let Some(frame) = frame else {
        return Err(first_scan.wrong("scan comes before the frame header"));
    };
    let components = frame.components.len() as u8;
    Ok(Header {
        profile: found.profile(components),
        frame,
        density: found.density,
        orientation: found.orientation.unwrap_or_default(),
        xmp: found.xmp.filter(|_| strip == Strip::Nothing),
        adobe: found.adobe,
        is_jfif: found.is_jfif,
        tables,
        kept,
        first_scan,
    })
}

impl Header {
    pub(crate) fn space(&self) -> Space {
        match (self.frame.components.len(), self.adobe) {
            (1, _) => Space::Gray,
            (3, _) => Space::Rgb,
            (_, Some(_)) => Space::InvertedCmyk,
            _ => Space::Cmyk,
        }
    }

    /// What a PDF has to say about the transform, so that every viewer does the same.
    pub(super) fn transform(&self) -> Transform {
        match (self.frame.components.len(), self.adobe) {
            (1, _) | (_, Some(_)) => Transform::Unsaid,
            _ if self.is_transformed() => Transform::On,
            _ => Transform::Off,
        }
    }

    /// Whether the first three components are luminance and chrominance.
    pub(super) fn is_transformed(&self) -> bool {
        match (self.frame.components.as_slice(), self.adobe) {
            ([_], _) => false,
            (_, Some(transform)) => transform != 0,
            ([a, b, c], None) => self.is_jfif || [a.id, b.id, c.id] != *b"RGB",
            _ => false,
        }
    }

    /// Whether the file has an Adobe segment.
    pub(super) fn is_adobe(&self) -> bool {
        self.adobe.is_some()
    }

    /// Whether the source is quantised more finely than an encoder does at `quality`.
    pub(crate) fn is_finer_than(&self, quality: u8) -> bool {
        let table = self.frame.components.first().map(|component| component.table);
        let steps = table.and_then(|table| self.tables.quantisation_sum(table));
        steps.is_some_and(|steps| steps < steps_at(quality))
    }
}

/// Appends a segment that is to be in the PDF.
///
/// Of the application segments a stripped image keeps what decides its colours: Adobe's, the
/// profile, and JFIF's without its thumbnail.
pub(super) fn keep(mut segment: Segment, strip: Strip, kept: &mut Vec<u8>) {
    let stays = match (segment.marker, strip) {
        (_, Strip::Nothing) => true,
        (0xe0, _) if segment.body.starts_with(b"JFIF\0") && segment.body.len() >= 14 => {
            segment.body.truncate(14);
            segment.body[12..].fill(0);
            true
        }
        (0xe2, _) => segment.body.starts_with(ICC),
        (0xee, _) => segment.body.starts_with(b"Adobe"),
        (0xe0..=0xef | COM, _) => false,
        // Only what the image needs; the reserved markers carry nothing that a decoder knows.
        (marker, _) => is_frame(marker) || matches!(marker, DQT | DHT | DRI | SOS | EOI),
    };
    if stays {
        segment.write_to(kept);
    }
}

/// What the application segments say.
#[derive(Default)]
struct Found {
    density: Option<Density>,
    orientation: Option<Orientation>,
    xmp: Option<Vec<u8>>,
    adobe: Option<u8>,
    is_jfif: bool,
    /// The parts of the profile by their number.
    profile: Vec<(u8, u8, Vec<u8>)>,
    profile_bytes: usize,
}

impl Found {
    fn look_at(&mut self, segment: &Segment) -> Result<()> {
        let body = segment.body.as_slice();
        match segment.marker {
            0xe0 if !self.is_jfif && body.starts_with(b"JFIF\0") => {
                self.is_jfif = true;
                self.density = jfif_density(body);
            }
            0xe1 if self.orientation.is_none() && body.starts_with(b"Exif\0\0") => {
                self.orientation = exif::orientation(&body[6..]);
            }
            0xe1 if self.xmp.is_none() && body.starts_with(XMP) => {
                self.xmp = Some(body[XMP.len()..].to_vec());
            }
            0xe2 => {
                if let Some([number, total, data @ ..]) = body.strip_prefix(ICC) {
                    self.profile_bytes += data.len();
                    self.profile.push((*number, *total, data.to_vec()));
                }
            }
            0xee if body.starts_with(b"Adobe") => match body.get(11) {
                Some(transform) => self.adobe = Some(*transform),
                None => return Err(segment.wrong("adobe segment is too short")),
            },
            0xdc => {
                return Err(Error::unsupported(format!(
                    "{}: height after the image",
                    segment.place
                )));
            }
            _ => {}
        }
        Ok(())
    }

    /// The profile, if every part is there once (ICC.1:2010, B.4).
    fn profile(&mut self, components: u8) -> Option<Profile> {
        self.profile.sort_by_key(|(number, ..)| *number);
        let count = self.profile.len();
        let is_whole = (1..).zip(&self.profile).all(|(expected, (number, total, _))| {
            usize::from(*number) == expected && usize::from(*total) == count
        });
        if count == 0 || !is_whole {
            return None;
        }
        let data = self.profile.drain(..).flat_map(|(_, _, data)| data).collect();
        Profile::parse(data, components)
    }
}

/// The density of a JFIF segment in dots per inch or centimetre (ITU-T T.871, 10.1).
fn jfif_density(body: &[u8]) -> Option<Density> {
    let [unit, x1, x0, y1, y0] = *body.get(7..12)? else { return None };
    let per_inch = match unit {
        1 => 1.0,
        2 => CENTIMETRES_PER_INCH,
        _ => return None,
    };
    let density = |high, low| f64::from(u16::from_be_bytes([high, low])) * per_inch;
    Density::new(density(x1, x0), density(y1, y0))
}
