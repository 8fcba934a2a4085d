use std::fmt::Write as _;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::{Document, Ref};
use crate::error::{Error, Result};
use crate::icc::Profile;

/// An image dictionary (ISO 32000-1, 8.9.5), ready for its stream.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bits a sample: 1, 2, 4, 8 or 16.
    pub(crate) bits: u8,
    pub(crate) space: Space,
    pub(crate) profile: Option<Ref>,
    pub(crate) filter: Filter,
    pub(crate) key: Option<ColorKey>,
    pub(crate) soft_mask: Option<Ref>,
    pub(crate) metadata: Option<Ref>,
}

#[derive(Debug, Clone)]
pub(crate) enum Space {
    Gray,
    Rgb,
    Cmyk,
    /// CMYK whose samples are stored as 255 minus ink, as Adobe's JPEG files have it.
    InvertedCmyk,
    Indexed(Vec<[u8; 3]>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Filter {
    /// Rows as they are, deflated.
    Flate,
    /// Rows with PNG filter bytes, deflated (ISO 32000-1, 7.4.4.4).
    Png { colors: u8 },
    /// A JPEG; whether three or four components are to be transformed to RGB or CMYK.
    Dct { transform: Transform },
}

/// The `ColorTransform` of a JPEG (ISO 32000-1, table 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transform {
    /// The JPEG says itself, or has one component.
    Unsaid,
    On,
    Off,
}

/// The native sample values that are transparent: for each component the lowest and the highest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColorKey(pub(crate) Vec<(u16, u16)>);

impl Image {
    /// The entries of the dictionary, without the length.
    pub(crate) fn dict(&self) -> String {
        let Image { width, height, bits, .. } = self;
        let mut dict = format!(
            "/Type /XObject /Subtype /Image /Width {width} /Height {height} \
             /BitsPerComponent {bits} /ColorSpace {}",
            self.color_space()
        );
        if matches!(self.space, Space::InvertedCmyk) {
            dict.push_str(" /Decode [1 0 1 0 1 0 1 0]");
        }
        let _ = match self.filter {
            Filter::Flate => write!(dict, " /Filter /FlateDecode"),
            Filter::Png { colors } => write!(
                dict,
                " /Filter /FlateDecode /DecodeParms <</Predictor 15 /Colors {colors} \
                 /BitsPerComponent {bits} /Columns {width}>>"
            ),
            Filter::Dct { transform } => write!(
                dict,
                " /Filter /DCTDecode{}",
                match transform {
                    Transform::Unsaid => "",
                    Transform::On => " /DecodeParms <</ColorTransform 1>>",
                    Transform::Off => " /DecodeParms <</ColorTransform 0>>",
                }
            ),
        };
        if let Some(ColorKey(ranges)) = &self.key {
            dict.push_str(" /Mask [");
            for (low, high) in ranges {
                let _ = write!(dict, " {low} {high}");
            }
            dict.push_str(" ]");
        }
        if let Some(mask) = self.soft_mask {
            let _ = write!(dict, " /SMask {mask}");
        }
        if let Some(metadata) = self.metadata {
            let _ = write!(dict, " /Metadata {metadata}");
        }
        dict
    }

    fn color_space(&self) -> String {
        let device = match self.space {
            Space::Gray => "/DeviceGray",
            Space::Rgb | Space::Indexed(_) => "/DeviceRGB",
            Space::Cmyk | Space::InvertedCmyk => "/DeviceCMYK",
        };
        let base = match self.profile {
            Some(profile) => format!("[/ICCBased {profile}]"),
            None => device.to_owned(),
        };
        let Space::Indexed(palette) = &self.space else { return base };
        // Indexes past the source's palette show black, as PNG decoders do, and not an error.
        let entries = 1usize << self.bits.min(8);
        let mut table = String::with_capacity(entries * 6);
        for index in 0..entries {
            let [r, g, b] = palette.get(index).copied().unwrap_or_default();
            let _ = write!(table, "{r:02x}{g:02x}{b:02x}");
        }
        format!("[/Indexed {base} {} <{table}>]", entries - 1)
    }
}

/// Writes `profile` as the stream of an ICC-based colour space (ISO 32000-1, 8.6.5.5).
pub(crate) fn write_profile(document: &mut Document<'_>, profile: &Profile) -> Result<Ref> {
    let id = document.reserve();
    document.begin_stream(id, &format!("/N {} /Filter /FlateDecode", profile.components))?;
    let mut deflate = ZlibEncoder::new(&mut *document, Compression::default());
    deflate.write_all(&profile.data).and_then(|()| deflate.finish()).map_err(Error::write)?;
    document.end_stream()?;
    Ok(id)
}

/// Writes an XMP packet as a metadata stream (ISO 32000-1, 14.3.2).
pub(crate) fn write_metadata(document: &mut Document<'_>, xmp: &[u8]) -> Result<Ref> {
    let id = document.reserve();
    document.begin_stream(id, "/Type /Metadata /Subtype /XML")?;
    document.bytes(xmp)?;
    document.end_stream()?;
    Ok(id)
}
