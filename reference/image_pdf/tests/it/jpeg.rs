use jpeg_encoder::ColorType;
use mcsv_image_pdf::{ConversionPath, MaxSize, Strip};

use crate::sample::{icc, jpeg, photo};
use crate::{converted, lossless};

#[test]
fn every_coding_passes_through_byte_for_byte() {
    let images = [
        (jpeg(33, 21, ColorType::Rgb, 90, |_| {}), "/DeviceRGB"),
        (jpeg(33, 21, ColorType::Luma, 90, |_| {}), "/DeviceGray"),
        (jpeg(33, 21, ColorType::Cmyk, 90, |_| {}), "/DeviceCMYK"),
        (jpeg(33, 21, ColorType::CmykAsYcck, 90, |_| {}), "/DeviceCMYK"),
        (jpeg(33, 21, ColorType::Rgb, 90, |e| e.set_progressive(true)), "/DeviceRGB"),
        (jpeg(99, 99, ColorType::Rgb, 90, |e| e.set_restart_interval(3)), "/DeviceRGB"),
    ];
    for (image, space) in images {
        for strip in [Strip::All, Strip::Nothing] {
            let (report, pdf) = converted(&image, lossless().with_strip_metadata(strip));
            assert_eq!(report.path(), ConversionPath::PassThrough);
            assert_eq!(report.input_bytes(), image.len() as u64);
            let stream = pdf.image();
            assert!(stream.data == image, "stream differs with {space} and {strip:?}");
            assert!(stream.has(space) && stream.has("/DCTDecode"));
        }
    }
}

#[test]
fn the_ink_of_adobe_files_is_inverted() {
    for color in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let image = jpeg(16, 16, color, 90, |_| {});
        let (_, pdf) = converted(&image, lossless());
        assert!(pdf.image().has("/Decode [1 0 1 0 1 0 1 0]"), "{}", pdf.image().dict);
    }
}

/// The image without its JFIF segment, its components named R, G and B.
fn named_rgb(image: &[u8]) -> Vec<u8> {
    let start = 2;
    let length = 2 + usize::from(u16::from_be_bytes([image[start + 2], image[start + 3]]));
    assert_eq!(&image[start..start + 2], &[0xff, 0xe0]);
    let mut plain = [&image[..start], &image[start + length..]].concat();
    for (marker, first, step) in [(0xc0, 10, 3), (0xda, 5, 2)] {
        let at = plain.windows(2).position(|w| w == [0xff, marker]).unwrap() + first;
        for (index, name) in b"RGB".iter().enumerate() {
            plain[at + index * step] = *name;
        }
    }
    plain
}

#[test]
fn the_transform_is_said_where_the_file_does_not() {
    let image = jpeg(16, 16, ColorType::Rgb, 90, |_| {});
    assert!(converted(&image, lossless()).1.image().has("/ColorTransform 1"));
    assert!(converted(&named_rgb(&image), lossless()).1.image().has("/ColorTransform 0"));
}

#[test]
fn components_named_rgb_are_not_transformed_when_decoded() {
    // Stored without a transform by saying that it has been done.
    let image = named_rgb(&jpeg(64, 64, ColorType::Ycbcr, 98, |_| {}));
    let (_, pdf) = converted(&image, lossless().with_max_size(MaxSize::new(63, 63)));
    let mean = |bytes: &[u8], channel: usize| {
        let samples = bytes.iter().skip(channel).step_by(3);
        samples.map(|b| f64::from(*b)).sum::<f64>() / (bytes.len() / 3) as f64
    };
    for channel in 0..3 {
        let found = mean(&pdf.image().samples(), channel);
        let expected = mean(&photo(64, 64, 3), channel);
        assert!((found - expected).abs() < 2.0, "channel {channel}: {found} for {expected}");
    }
}

#[test]
fn a_profile_in_several_segments_is_joined() {
    let profile = icc(b"RGB ", 200_000);
    let image = jpeg(16, 16, ColorType::Rgb, 90, |e| e.add_icc_profile(&profile).unwrap());
    let (_, pdf) = converted(&image, lossless());
    assert_eq!(pdf.profile(), Some(profile));
}

#[test]
fn a_profile_of_another_colour_space_is_left_out() {
    let profile = icc(b"GRAY", 400);
    let image = jpeg(16, 16, ColorType::Rgb, 90, |e| e.add_icc_profile(&profile).unwrap());
    let (_, pdf) = converted(&image, lossless());
    assert_eq!(pdf.profile(), None);
    assert!(pdf.image().has("/ColorSpace /DeviceRGB"));
}
