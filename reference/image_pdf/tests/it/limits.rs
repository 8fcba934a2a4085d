use jpeg_encoder::ColorType;
use mcsv_image_pdf::{ConversionPath, ErrorKind, Limits, MaxSize, Options};

use crate::sample::{Png, jpeg};
use crate::{convert, lossless};

#[track_caller]
fn check(image: &[u8], options: Options, limits: Limits, message: &str) {
    let error = convert(image, options.with_limits(limits)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn input_may_be_as_long_as_the_limit_and_no_longer() {
    for image in [Png::new(30, 30, 2, 8).encode(), jpeg(30, 30, ColorType::Rgb, 95, |_| {})] {
        let length = image.len() as u64;
        for options in [lossless(), Options::new()] {
            let exact = Limits::default().with_max_input_bytes(length);
            convert(&image, options.clone().with_limits(exact)).unwrap();
            let less = Limits::default().with_max_input_bytes(length - 1);
            check(&image, options, less, &format!("longer than {} bytes", length - 1));
        }
    }
}

#[test]
fn an_image_may_have_as_many_pixels_as_the_limit_and_no_more() {
    for image in [Png::new(30, 20, 2, 8).encode(), jpeg(30, 20, ColorType::Rgb, 95, |_| {})] {
        let exact = Limits::default().with_max_pixels(600);
        convert(&image, lossless().with_limits(exact)).unwrap();
        check(&image, lossless(), Limits::default().with_max_pixels(599), "30 x 20 pixels");
    }
}

#[test]
fn paths_that_decode_are_bounded() {
    let limits = Limits::default().with_max_decoded_bytes(1799);
    let interlaced = Png::new(30, 20, 2, 8).interlaced().encode();
    check(&interlaced, lossless(), limits, "1800 bytes of memory: at most 1799");
    for image in [Png::new(30, 20, 2, 8).encode(), jpeg(30, 20, ColorType::Rgb, 95, |_| {})] {
        let scaled = Options::new().with_max_size(MaxSize::new(10, 10));
        check(&image, scaled, limits, "1800 bytes of memory: at most 1799");
        let (report, _) = convert(&image, Options::new().with_limits(limits)).unwrap();
        assert_eq!(report.path(), ConversionPath::PassThrough);
    }
}
