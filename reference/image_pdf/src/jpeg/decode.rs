use std::panic::{AssertUnwindSafe, catch_unwind};

use jpeg_decoder::ColorTransform;
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

/// Decodes a whole JPEG file whose structure has been checked.
///
/// Two decoders share the work: a fast one for the layouts that it is known to get right, and a
/// thorough one for the rest. The fast one silently garbles some of those, such as sequential
/// images that have each component in a scan of its own.
pub(crate) fn decode(file: &[u8], header: &Header, limits: &Limits) -> Result<Raster> {
    let (width, height) = (header.frame.width, header.frame.height);
    let kind = match header.frame.components.len() {
        1 => Kind::Gray,
        3 => Kind::Rgb,
        _ => Kind::Cmyk,
    };
    limits.check_decoded(kind.bytes(width, height))?;
    let place = Place::File { format: "jpeg", at: 0 };
    // The decoders are fed hostile bytes and are not ours: a bug in one must not end the worker.
    let decoded = catch_unwind(AssertUnwindSafe(|| match is_common_layout(header) {
        true => fast(file, header),
        false => thorough(file, header),
    }));
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

/// Whether the fast decoder is known to get this layout right.
fn is_common_layout(header: &Header) -> bool {
    let frame = &header.frame;
    let sampling: Vec<u8> = frame.components.iter().map(|component| component.sampling).collect();
    let is_plain = match *sampling {
        [0x11] => true,
        // That the names of components can mean RGB is unknown to it.
        [luminance, 0x11, 0x11] if header.is_transformed() || header.is_adobe() => {
            matches!(luminance, 0x11 | 0x12 | 0x21 | 0x22 | 0x41)
        }
        [0x11, 0x11, 0x11, 0x11] => true,
        _ => false,
    };
    let first_has_all =
        header.first_scan.body.first().map(|count| usize::from(*count)) == Some(sampling.len());
    is_plain && (frame.is_progressive || first_has_all)
}

/// The samples of an image of one or three components as gray or RGB, of four untransformed.
fn fast(file: &[u8], header: &Header) -> Result<Vec<u8>, String> {
    let mut decoder = JpegDecoder::new(ZCursor::new(file));
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let stored = decoder.input_colorspace().unwrap_or(ColorSpace::YCbCr);
    let target = match header.frame.components.len() {
        1 => ColorSpace::Luma,
        3 => ColorSpace::RGB,
        // Asking for what the decoder takes the image for turns every conversion off.
        _ => stored,
    };
    decoder.set_options(DecoderOptions::new_safe().jpeg_set_out_colorspace(target));
    decoder.decode().map_err(|error| error.to_string())
}

/// The same as [`fast`], for every layout.
fn thorough(file: &[u8], header: &Header) -> Result<Vec<u8>, String> {
    let mut decoder = jpeg_decoder::Decoder::new(file);
    decoder.set_color_transform(match header.frame.components.len() {
        1 => ColorTransform::Grayscale,
        3 if header.is_transformed() => ColorTransform::YCbCr,
        3 => ColorTransform::RGB,
        _ => ColorTransform::CMYK,
    });
    let mut data = decoder.decode().map_err(|error| error.to_string())?;
    if header.frame.components.len() == 4 {
        // This decoder inverts ink whatever the file says.
        data.iter_mut().for_each(|sample| *sample = 255 - *sample);
    }
    Ok(data)
}

/// Turns four stored components into amounts of ink, in place.
fn to_ink(data: &mut [u8], header: &Header) {
    let is_inverted = matches!(header.space(), Space::InvertedCmyk);
    for pixel in data.as_chunks_mut::<4>().0 {
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

#[cfg(test)]
mod tests {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    use super::*;
    use crate::input::Input;
    use crate::jpeg::read_header;
    use crate::options::Options;

    const WIDTH: u16 = 163;
    const HEIGHT: u16 = 121;

    fn picture(channels: usize) -> Vec<u8> {
        (0..usize::from(WIDTH) * usize::from(HEIGHT) * channels)
            .map(|i| {
                let (pixel, channel) = (i / channels, i % channels);
                let x = (pixel % usize::from(WIDTH)) as f32;
                let y = (pixel / usize::from(WIDTH)) as f32;
                (128.0 + (x / (29 + channel) as f32).sin() * 50.0 + (y / 33.0).cos() * 50.0) as u8
            })
            .collect()
    }

    /// Encodes and decodes a picture and compares.
    #[track_caller]
    fn check(color: ColorType, channels: usize, setup: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) {
        let data = picture(channels);
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, 95);
        setup(&mut encoder);
        encoder.encode(&data, WIDTH, HEIGHT, color).unwrap();
        let options = Options::new();
        let mut reader = file.as_slice();
        let header = read_header(&mut Input::new(&mut reader, options.limits()), &options).unwrap();
        let raster = decode(&file, &header, options.limits()).unwrap();
        let square = |(a, b): (&u8, &u8)| (f64::from(*a) - f64::from(*b)).powi(2);
        let error = raster.data().iter().zip(&data).map(square).sum::<f64>() / data.len() as f64;
        assert!(error < 2.0, "mean square error of {error} with {:?}", header.frame);
    }

    #[test]
    fn every_layout_is_decoded_right() {
        use SamplingFactor::{F_1_1, F_1_2, F_1_4, F_2_1, F_2_2, F_2_4, F_4_1, F_4_2};
        for factor in [F_1_1, F_2_1, F_1_2, F_2_2, F_4_1, F_4_2, F_1_4, F_2_4] {
            for is_progressive in [false, true] {
                for has_own_tables in [false, true] {
                    for (color, channels) in
                        [(ColorType::Luma, 1), (ColorType::Rgb, 3), (ColorType::CmykAsYcck, 4)]
                    {
                        check(color, channels, |encoder| {
                            encoder.set_sampling_factor(factor);
                            encoder.set_progressive(is_progressive);
                            encoder.set_optimized_huffman_tables(has_own_tables);
                        });
                    }
                }
            }
        }
        check(ColorType::Cmyk, 4, |_| {});
    }
}
