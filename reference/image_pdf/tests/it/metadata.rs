use jpeg_encoder::{ColorType, Encoder};
use mcsv_image_pdf::{MaxSize, Options, Quality, Strip};

use crate::sample::{Png, exif, icc, jpeg, zlib};
use crate::{converted, lossless};

const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>secret place</x:xmpmeta>";

fn with_metadata(encoder: &mut Encoder<&mut Vec<u8>>) {
    let mut tiff = exif(6);
    tiff.extend_from_slice(b"secret camera");
    encoder.add_app_segment(1, [b"Exif\0\0", tiff.as_slice()].concat()).unwrap();
    encoder.add_app_segment(1, XMP.to_vec()).unwrap();
    encoder.add_app_segment(13, b"Photoshop secret caption".to_vec()).unwrap();
    encoder.add_app_segment(2, b"MPF\0secret second image".to_vec()).unwrap();
    encoder.add_icc_profile(&icc(b"RGB ", 300)).unwrap();
}

#[test]
fn stripping_a_jpeg_keeps_orientation_profile_and_samples() {
    let image = jpeg(40, 20, ColorType::Rgb, 90, with_metadata);
    let plain = jpeg(40, 20, ColorType::Rgb, 90, |e| {
        e.add_icc_profile(&icc(b"RGB ", 300)).unwrap();
    });
    let (report, pdf) = converted(&image, lossless().with_strip_metadata(Strip::All));
    assert!(!pdf.contains("secret"));
    assert_eq!(pdf.image().data, plain);
    assert_eq!((report.width(), report.height()), (20, 40));
    assert_eq!(pdf.profile(), Some(icc(b"RGB ", 300)));
}

#[test]
fn not_stripping_a_jpeg_keeps_every_byte() {
    let image = jpeg(40, 20, ColorType::Rgb, 90, with_metadata);
    let (report, pdf) = converted(&image, lossless().with_strip_metadata(Strip::Nothing));
    assert_eq!(pdf.image().data, image);
    assert_eq!((report.width(), report.height()), (20, 40));
}

#[test]
fn stripping_reaches_the_lossy_and_the_scaled_form() {
    let image = jpeg(40, 20, ColorType::Rgb, 100, with_metadata);
    for options in [
        Options::new().with_quality(Quality::Low),
        Options::new().with_max_size(MaxSize::new(10, 10)),
    ] {
        let (_, stripped) = converted(&image, options.clone().with_strip_metadata(Strip::All));
        assert!(!stripped.contains("secret"));
        assert_eq!(stripped.profile(), Some(icc(b"RGB ", 300)));
        let (_, kept) = converted(&image, options.with_strip_metadata(Strip::Nothing));
        assert!(kept.contains("<x:xmpmeta>secret place</x:xmpmeta>"));
    }
}

#[test]
fn a_thumbnail_in_the_jfif_segment_is_stripped() {
    let mut image = jpeg(16, 16, ColorType::Rgb, 90, |_| {});
    let plain = image.clone();
    image[18..20].copy_from_slice(&[1, 1]);
    image[4..6].copy_from_slice(&19u16.to_be_bytes());
    image.splice(20..20, *b"pix");
    let (_, pdf) = converted(&image, lossless().with_strip_metadata(Strip::All));
    assert_eq!(pdf.image().data, plain);
}

#[test]
fn png_text_is_stripped_and_xmp_kept_on_request() {
    let packet = b"<x:xmpmeta>secret place</x:xmpmeta>";
    let plain = [b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), packet].concat();
    let squeezed = [b"XML:com.adobe.xmp\0\x01\0\0\0".as_slice(), &zlib(packet)].concat();
    for text in [plain, squeezed] {
        let image =
            Png::new(9, 9, 2, 8).with(b"tEXt", b"Author\0secret").with(b"iTXt", &text).encode();
        let (_, stripped) = converted(&image, lossless().with_strip_metadata(Strip::All));
        assert!(!stripped.contains("secret"));
        let (_, kept) = converted(&image, lossless().with_strip_metadata(Strip::Nothing));
        assert!(kept.contains("<x:xmpmeta>secret place</x:xmpmeta>"));
        assert!(kept.image().has("/Metadata "));
    }
}

#[test]
fn a_png_profile_is_applied_to_every_form() {
    let profile = icc(b"RGB ", 500);
    let body = [b"name\0\0".as_slice(), &zlib(&profile)].concat();
    for (color, depth) in [(2, 8), (3, 4), (6, 16)] {
        let image = Png::new(30, 30, color, depth).with(b"iCCP", &body).encode();
        for options in [
            lossless(),
            Options::new().with_quality(Quality::Low),
            Options::new().with_max_size(MaxSize::new(10, 10)),
        ] {
            let (_, pdf) = converted(&image, options);
            assert_eq!(pdf.profile().as_ref(), Some(&profile));
        }
    }
}

#[test]
fn a_profile_that_inflates_without_end_is_left_out() {
    let body = [b"name\0\0".as_slice(), &zlib(&vec![0; 32 << 20])].concat();
    let image = Png::new(9, 9, 2, 8).with(b"iCCP", &body).encode();
    let (_, pdf) = converted(&image, lossless());
    assert_eq!(pdf.profile(), None);
}
