use mcsv_image_pdf::ConversionPath;
use proptest::prelude::*;

use crate::sample::{Png, kinds};
use crate::{converted, lossless};

/// Converts `png` and compares every native sample of colour and alpha with the source.
#[track_caller]
fn check(png: &Png) {
    let has_alpha = png.color >= 4;
    let (report, pdf) = converted(&png.encode(), lossless());
    assert_eq!((report.width(), report.height()), (png.width as u32, png.height as u32));
    let expected_path = match (png.interlaced, has_alpha) {
        (true, _) => ConversionPath::Reencoded,
        (_, true) => ConversionPath::LaneSplit,
        _ => ConversionPath::PassThrough,
    };
    assert_eq!(report.path(), expected_path);
    let image = pdf.image();
    assert_eq!(image.number("BitsPerComponent"), png.depth);
    if has_alpha {
        let channels = if png.color == 4 { 2 } else { 4 };
        assert_eq!(image.samples(), png.packed_channels(0, channels - 1));
        let mask = pdf.soft_mask().expect("alpha becomes a soft mask");
        assert_eq!(mask.number("BitsPerComponent"), png.depth);
        assert_eq!(mask.samples(), png.packed_channels(channels - 1, channels));
    } else {
        assert_eq!(image.samples(), png.packed());
    }
}

#[test]
fn every_kind_of_png_keeps_every_sample() {
    for (color, depth) in kinds() {
        for (width, height) in [(1, 1), (3, 2), (8, 8), (37, 29)] {
            let png = Png::new(width, height, color, depth);
            check(&png);
            check(&png.interlaced());
        }
    }
}

#[test]
fn plain_data_is_the_same_stream() {
    let png = Png::new(40, 30, 2, 8);
    let (_, pdf) = converted(&png.encode(), lossless());
    assert_eq!(pdf.image().data, crate::sample::zlib(&png.filtered()));
}

#[test]
fn palettes_are_carried_and_padded_with_black() {
    let mut png = Png::new(4, 1, 3, 2);
    png.before_data[0].1.truncate(9);
    let (_, pdf) = converted(&png.encode(), lossless());
    let table: String = png.before_data[0].1.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(pdf.image().has(&format!("[/Indexed /DeviceRGB 3 <{table}000000>]")));
}

#[test]
fn a_transparent_colour_of_up_to_8_bits_is_a_colour_key() {
    let png = Png::new(5, 5, 2, 8);
    let [r, g, b] = [png.samples[6], png.samples[7], png.samples[8]];
    // The high byte of a sample that has eight bits does not count.
    let png = png.with(b"tRNS", &[0x7f, r as u8, 0, g as u8, 0, b as u8]);
    let (_, pdf) = converted(&png.encode(), lossless());
    assert!(pdf.image().has(&format!("/Mask [ {r} {r} {g} {g} {b} {b} ]")), "{}", pdf.image().dict);
    assert!(pdf.soft_mask().is_none());
}

#[test]
fn a_transparent_colour_of_16_bits_is_a_soft_mask() {
    for (color, width) in [(0, 1), (2, 3)] {
        for interlaced in [false, true] {
            let mut png = Png::new(11, 7, color, 16);
            png.interlaced = interlaced;
            let key = png.samples[5 * width..6 * width].to_vec();
            let body: Vec<u8> = key.iter().flat_map(|sample| sample.to_be_bytes()).collect();
            let png = png.with(b"tRNS", &body);
            let (_, pdf) = converted(&png.encode(), lossless());
            let expected: Vec<u8> =
                png.samples.chunks(width).map(|p| if p == key { 0 } else { 255 }).collect();
            assert_eq!(pdf.image().samples(), png.packed());
            assert_eq!(pdf.soft_mask().unwrap().samples(), expected);
        }
    }
}

#[test]
fn translucent_palettes_become_a_soft_mask() {
    for depth in [1, 2, 4, 8] {
        for interlaced in [false, true] {
            let mut png = Png::new(13, 9, 3, depth).with(b"tRNS", &[9, 200]);
            png.interlaced = interlaced;
            let (_, pdf) = converted(&png.encode(), lossless());
            let alpha = |index: &u16| [9, 200].get(usize::from(*index)).copied().unwrap_or(255);
            let expected: Vec<u8> = png.samples.iter().map(alpha).collect();
            assert_eq!(pdf.image().samples(), png.packed());
            assert_eq!(pdf.soft_mask().unwrap().samples(), expected);
        }
    }
}

#[test]
fn one_invisible_palette_entry_is_a_colour_key() {
    let png = Png::new(13, 9, 3, 4).with(b"tRNS", &[255, 255, 0]);
    let (report, pdf) = converted(&png.encode(), lossless());
    assert!(pdf.image().has("/Mask [ 2 2 ]"));
    assert_eq!(report.path(), ConversionPath::PassThrough);
}

#[test]
fn the_same_input_makes_the_same_bytes() {
    let png = Png::new(20, 20, 6, 8).encode();
    let first = converted(&png, lossless()).1;
    assert_eq!(first.bytes(), converted(&png, lossless()).1.bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_size_and_any_chunking_keeps_every_sample(
        width in 1usize..70,
        height in 1usize..40,
        kind in 0usize..15,
        interlaced: bool,
        chunk_bytes in 1usize..400,
    ) {
        let (color, depth) = kinds()[kind];
        let mut png = Png::new(width, height, color, depth);
        png.interlaced = interlaced;
        check(&png);
        let whole = converted(&png.encode(), lossless()).1;
        let chunked = png.encode_data(&crate::sample::zlib(&png.filtered()), chunk_bytes);
        let chunked = converted(&chunked, lossless()).1;
        prop_assert_eq!(whole.bytes(), chunked.bytes());
    }

    #[test]
    fn another_decoder_reads_the_same_samples(
        width in 1u32..60,
        height in 1u32..40,
        seed: u64,
        filter in 0usize..3,
    ) {
        let mut state = seed | 1;
        let data: Vec<u8> = (0..width * height * 3).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        }).collect();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_filter([png::Filter::Adaptive, png::Filter::Paeth, png::Filter::Avg][filter]);
        encoder.write_header().unwrap().write_image_data(&data).unwrap();
        prop_assert_eq!(converted(&file, lossless()).1.image().samples(), data);
    }
}
