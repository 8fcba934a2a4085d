use std::panic::{AssertUnwindSafe, catch_unwind};

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::header::Header;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::pdf::Space;
use crate::place::Place;
use crate::raster::{Kind, Raster};

/// Decodes a whole JPEG file whose header has been read.
pub(crate) fn decode(file: &[u8], header: &Header, limits: &Limits) -> Result<Raster> {
    let (width, height) = (header.frame.width, header.frame.height);
    let kind = match header.frame.components.len() {
        1 => Kind::Gray,
        3 => Kind::Rgb,
        _ => Kind::Cmyk,
    };
    limits.check_decoded(kind.bytes(width, height))?;
    let place = Place::File { format: "jpeg", at: 0 };
    // The decoder is fed hostile bytes and is not ours: a bug in it must not end the worker.
    let decoded = catch_unwind(AssertUnwindSafe(|| components(file, header)));
    let mut data = match decoded {
        Ok(Ok(data)) => data,
        Ok(Err(what)) => return Err(Error::malformed(place, what)),
        Err(_) => return Err(Error::malformed(place, "coded data cannot be decoded")),
    };
    if data.len() as u64 != kind.bytes(width, height) {
        return Err(Error::malformed(place, "coded data does not fill the image"));
    }
    if kind == Kind::Cmyk {
        to_ink(&mut data, header);
    }
    Ok(Raster::new(width, height, kind, data))
}

/// The samples of an image of one or three components as gray or RGB, of four untransformed.
fn components(file: &[u8], header: &Header) -> Result<Vec<u8>, String> {
    let mut decoder = JpegDecoder::new(ZCursor::new(file));
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let stored = decoder.input_colorspace().unwrap_or(ColorSpace::YCbCr);
    let target = match header.frame.components.len() {
        1 => ColorSpace::Luma,
        3 if header.is_transformed() => ColorSpace::RGB,
        // Asking for what is stored turns every conversion off.
        _ => stored,
    };
    decoder.set_options(DecoderOptions::new_safe().jpeg_set_out_colorspace(target));
    decoder.decode().map_err(|error| error.to_string())
}

/// Turns four stored components into amounts of ink, in place.
fn to_ink(data: &mut [u8], header: &Header) {
    let is_inverted = matches!(header.space(), Space::InvertedCmyk);
    let (pixels, _) = data.as_chunks_mut::<4>();
    for pixel in pixels {
        if header.is_transformed() {
            let [y, cb, cr, k] = *pixel;
            // The transform is to RGB, and CMY is its inverse (ITU-T T.872, 6.5.3).
            let [r, g, b] = rgb(y, cb, cr);
            *pixel = [255 - r, 255 - g, 255 - b, k];
        }
        if is_inverted {
            *pixel = pixel.map(|sample| 255 - sample);
        }
    }
}

/// ITU-T T.871, clause 7.
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    // A float cast saturates, which is the clamp to 0..=255.
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|v| v.round() as u8)
}
