use jpeg_encoder::ColorType;
use mcsv_image_pdf::{ConversionPath, MaxSize, Options, Quality};

use crate::sample::{Png, jpeg, photo};
use crate::{converted, lossless};

fn photo_png(width: usize, height: usize, color: u8, depth: usize) -> Png {
    let mut png = Png::new(width, height, color, depth);
    let scale = if depth == 16 { 257 } else { 1 };
    let samples = photo(width, height, crate::sample::channels(color));
    png.samples = samples.iter().map(|sample| u16::from(*sample) * scale).collect();
    png
}

fn at(quality: Quality) -> Options {
    Options::new().with_quality(quality)
}

/// The mean of the squared differences.
#[track_caller]
fn error(found: &[u8], expected: &[u8]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let square = |(a, b): (&u8, &u8)| f64::from(i32::from(*a) - i32::from(*b)).powi(2);
    found.iter().zip(expected).map(square).sum::<f64>() / found.len() as f64
}

fn decode(jpeg: &[u8]) -> Vec<u8> {
    jpeg_decoder::Decoder::new(jpeg).decode().expect("the pdf holds a sound jpeg")
}

#[test]
fn a_photo_is_smaller_the_lower_the_quality_and_close_to_its_source() {
    for depth in [8, 16] {
        let png = photo_png(160, 120, 2, depth).encode();
        let mut last = u64::MAX;
        for (quality, most) in [(Quality::High, 2.0), (Quality::Medium, 4.0), (Quality::Low, 12.0)]
        {
            let (report, pdf) = converted(&png, at(quality));
            assert_eq!(report.path(), ConversionPath::Lossy, "{quality}");
            assert!(report.output_bytes() < last, "{quality}");
            last = report.output_bytes();
            let error = error(&decode(&pdf.image().data), &photo(160, 120, 3));
            assert!(error < most, "mean square error of {error} at {quality}");
        }
    }
}

#[test]
fn alpha_stays_exact_beside_lossy_colour() {
    let png = photo_png(160, 120, 6, 8);
    let (report, pdf) = converted(&png.encode(), at(Quality::Medium));
    assert_eq!(report.path(), ConversionPath::Lossy);
    assert_eq!(pdf.soft_mask().unwrap().samples(), png.packed_channels(3, 4));
}

#[test]
fn an_alpha_channel_that_hides_nothing_is_dropped() {
    let mut png = photo_png(160, 120, 6, 8);
    png.samples.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 255);
    let (_, pdf) = converted(&png.encode(), at(Quality::Medium));
    assert!(pdf.soft_mask().is_none());
}

#[test]
fn a_drawing_stays_as_it_is() {
    let mut png = Png::new(200, 200, 2, 8);
    png.samples
        .iter_mut()
        .enumerate()
        .for_each(|(i, sample)| *sample = (i / 3000 % 2 * 255) as u16);
    let (report, pdf) = converted(&png.encode(), at(Quality::Low));
    assert_eq!(report.path(), ConversionPath::PassThrough);
    assert_eq!(pdf.image().samples(), png.packed());
}

#[test]
fn a_jpeg_is_re_encoded_only_if_it_is_finer_than_asked_for() {
    for (source, quality, path) in [
        (98, Quality::Medium, ConversionPath::Lossy),
        (85, Quality::Medium, ConversionPath::PassThrough),
        (70, Quality::Medium, ConversionPath::PassThrough),
        (70, Quality::Low, ConversionPath::Lossy),
        (98, Quality::Lossless, ConversionPath::PassThrough),
    ] {
        let image = jpeg(160, 120, ColorType::Rgb, source, |_| {});
        let (report, _) = converted(&image, at(quality));
        assert_eq!(report.path(), path, "source of {source} at {quality}");
    }
}

#[test]
fn scaling_fits_the_box_keeps_the_aspect_and_never_enlarges() {
    let image = photo_png(120, 80, 2, 8).encode();
    for (bound, size) in [
        (MaxSize::new(60, 0), (60, 40)),
        (MaxSize::new(0, 20), (30, 20)),
        (MaxSize::new(60, 20), (30, 20)),
        (MaxSize::new(1, 1), (1, 1)),
        (MaxSize::new(500, 500), (120, 80)),
        (MaxSize::UNBOUNDED, (120, 80)),
    ] {
        for quality in [Quality::Lossless, Quality::Medium] {
            let (report, pdf) = converted(&image, at(quality).with_max_size(bound));
            assert_eq!((report.width(), report.height()), size);
            let (width, height) = (pdf.image().number("Width"), pdf.image().number("Height"));
            assert_eq!((width as u32, height as u32), size);
        }
    }
}

#[test]
fn scaling_averages_the_pixels() {
    for (color, depth) in crate::sample::kinds() {
        let mut png = Png::new(64, 64, color, depth);
        // White and opaque, or the last palette entry, everywhere.
        png.samples.fill(((1u32 << depth) - 1) as u16);
        let expected = match color {
            3 => png.before_data[0].1[(3 << depth) - 3..].to_vec(),
            _ => vec![255; if matches!(color, 2 | 6) { 3 } else { 1 }],
        };
        let scaled = lossless().with_max_size(MaxSize::new(7, 7));
        let (report, pdf) = converted(&png.encode(), scaled);
        assert_eq!(report.path(), ConversionPath::Reencoded);
        let samples = pdf.image().samples();
        assert_eq!(samples.len(), 49 * expected.len());
        for pixel in samples.chunks(expected.len()) {
            assert_eq!(pixel, expected, "colour type {color} at {depth} bits");
        }
    }
}

#[test]
fn hidden_colour_does_not_bleed_when_scaled() {
    let mut png = Png::new(64, 64, 2, 8);
    for (i, pixel) in png.samples.chunks_mut(3).enumerate() {
        pixel.copy_from_slice(if i % 2 == 0 { &[255, 0, 0] } else { &[0, 0, 255] });
    }
    let png = png.with(b"tRNS", &[0, 255, 0, 0, 0, 0]);
    let (_, pdf) = converted(&png.encode(), lossless().with_max_size(MaxSize::new(8, 8)));
    for pixel in pdf.image().samples().chunks(3) {
        assert!(pixel[0] < 8 && pixel[2] > 247, "{pixel:?}");
    }
    for alpha in pdf.soft_mask().unwrap().samples() {
        assert!((120..=136).contains(&alpha), "{alpha}");
    }
}

#[test]
fn ink_survives_scaling_and_re_encoding() {
    for color in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let image = jpeg(64, 64, color, 98, |_| {});
        let (_, pdf) = converted(&image, lossless().with_max_size(MaxSize::new(64, 63)));
        let stream = pdf.image();
        assert!(stream.has("/DeviceCMYK") && !stream.has("/Decode ["));
        let source = photo(64, 64, 4);
        let mean = |bytes: &[u8], channel: usize| {
            let channel = bytes.iter().skip(channel).step_by(4);
            channel.map(|b| f64::from(*b)).sum::<f64>() / (bytes.len() / 4) as f64
        };
        for channel in 0..4 {
            let (found, expected) = (mean(&stream.samples(), channel), mean(&source, channel));
            assert!((found - expected).abs() < 2.0, "channel {channel}: {found} for {expected}");
        }
        let (report, pdf) = converted(&image, at(Quality::Low));
        assert_eq!(report.path(), ConversionPath::Lossy);
        assert!(pdf.image().has("/Decode [1 0 1 0 1 0 1 0]"));
    }
}
