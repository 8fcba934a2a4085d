use jpeg_encoder::ColorType;
use mcsv_image_pdf::{ErrorKind, MaxSize, Options, Quality};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::sample::{Png, chunk, jpeg, zlib};
use crate::{convert, lossless};

/// Refuses `image` in every mode, with a message that has all of `words`.
#[track_caller]
fn refuses(image: &[u8], kind: ErrorKind, words: &[&str]) {
    let modes = [
        lossless(),
        Options::new().with_quality(Quality::Low),
        Options::new().with_max_size(MaxSize::new(2, 2)),
    ];
    for options in modes {
        let mode = format!("{options:?}");
        let Err(error) = convert(image, options) else { panic!("accepted with {mode}") };
        assert_eq!(error.kind(), kind, "{error} with {mode}");
        for word in words {
            assert!(error.to_string().contains(word), "no {word:?} in {error:?} with {mode}");
        }
    }
}

fn png() -> Png {
    Png::new(30, 20, 2, 8)
}

fn at(image: &[u8], what: &[u8]) -> usize {
    image.windows(what.len()).position(|window| window == what).expect("is in the image")
}

#[test]
fn names_the_chunk_whose_checksum_is_wrong() {
    let mut image = png().encode();
    let data = at(&image, b"IDAT");
    image[data + 40] ^= 1;
    let place = format!("png chunk IDAT at byte {}", data - 4);
    refuses(&image, ErrorKind::Malformed, &[&place]);

    let mut image = png().encode();
    let crc = at(&image, b"IEND") - 8;
    image[crc] ^= 1;
    refuses(&image, ErrorKind::Malformed, &["IDAT", "crc mismatch"]);

    let mut image = png().encode();
    image[30] ^= 1;
    refuses(&image, ErrorKind::Malformed, &["png chunk IHDR at byte 8", "crc mismatch"]);
}

#[test]
fn a_wrong_zlib_checksum_is_refused() {
    let mut data = zlib(&png().filtered());
    *data.last_mut().unwrap() ^= 1;
    refuses(&png().encode_data(&data, 1000), ErrorKind::Malformed, &["compressed data is damaged"]);
}

#[test]
fn every_cut_of_a_png_is_refused() {
    let image = png().encode();
    for length in (8..image.len()).step_by(7).chain([image.len() - 1]) {
        refuses(&image[..length], ErrorKind::Malformed, &["ends early"]);
    }
}

#[test]
fn every_cut_of_a_jpeg_is_refused() {
    let image = jpeg(40, 30, ColorType::Rgb, 95, |_| {});
    for length in (3..image.len()).step_by(5).chain([image.len() - 1]) {
        refuses(&image[..length], ErrorKind::Malformed, &["jpeg", "ends early"]);
    }
}

#[test]
fn a_header_that_lies_about_the_size_is_refused() {
    let mut taller = png();
    taller.height *= 2;
    let image = taller.encode_data(&zlib(&png().filtered()), 1000);
    refuses(&image, ErrorKind::Malformed, &["image data ends early, in row 20 of 40"]);

    let mut shorter = png();
    shorter.height /= 2;
    let image = shorter.encode_data(&zlib(&png().filtered()), 1000);
    refuses(&image, ErrorKind::Malformed, &["more image data than the size needs"]);
}

#[test]
fn a_bomb_behind_a_small_header_is_stopped_at_its_first_byte_too_many() {
    let image = Png::new(10, 10, 0, 8).encode_data(&zlib(&vec![0; 64 << 20]), 1 << 20);
    refuses(&image, ErrorKind::Malformed, &["more image data than the size needs"]);
}

#[test]
fn a_huge_size_is_refused_before_memory_is_taken() {
    let mut header = png();
    (header.width, header.height) = (2_000_000_000, 2_000_000_000);
    let image = header.encode_data(b"", 1);
    refuses(&image, ErrorKind::LimitExceeded, &["2000000000 x 2000000000 pixels", "at most"]);

    let mut image = jpeg(16, 16, ColorType::Rgb, 95, |_| {});
    let size = at(&image, &[0xff, 0xc0]) + 5;
    image[size..size + 4].fill(0xff);
    refuses(&image, ErrorKind::LimitExceeded, &["65535 x 65535 pixels"]);
}

#[test]
fn impossible_png_headers_are_refused() {
    let build = |change: fn(&mut Vec<u8>)| {
        let mut header = png().header();
        change(&mut header);
        let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
        image.extend(chunk(b"IHDR", &header));
        image.extend(chunk(b"IDAT", &zlib(&png().filtered())));
        image.extend(chunk(b"IEND", b""));
        image
    };
    refuses(&build(|h| h[..4].fill(0)), ErrorKind::Malformed, &["IHDR", "size of 0 x 20"]);
    refuses(&build(|h| h[8] = 3), ErrorKind::Malformed, &["3 bits a sample"]);
    refuses(&build(|h| h[9] = 1), ErrorKind::Malformed, &["colour type 1"]);
    refuses(&build(|h| h[10] = 1), ErrorKind::Malformed, &["compression method 1"]);
    refuses(&build(|h| h[12] = 2), ErrorKind::Malformed, &["interlace method 2"]);
    refuses(&build(|h| h[9] = 3), ErrorKind::Malformed, &["no palette"]);
    refuses(&build(|h| h.push(0)), ErrorKind::Malformed, &["IHDR", "length of 14"]);
}

#[test]
fn defects_of_png_structure_are_refused() {
    let filter = {
        let mut rows = png().filtered();
        rows[91 * 3] = 5;
        png().encode_data(&zlib(&rows), 1000)
    };
    refuses(&filter, ErrorKind::Malformed, &["filter 5 in row 3"]);
    let unknown = png().with(b"CrIT", b"x").encode();
    refuses(&unknown, ErrorKind::Malformed, &["CrIT", "unknown or out of place"]);
    let palette = Png::new(4, 4, 3, 1).with(b"PLTE", &[0; 6]).encode();
    refuses(&palette, ErrorKind::Malformed, &["second palette"]);
    let alpha = Png::new(4, 4, 3, 1).with(b"tRNS", &[0; 3]).encode();
    refuses(&alpha, ErrorKind::Malformed, &["tRNS", "3 bytes"]);
    let long = Png::new(4, 4, 2, 8).with(b"PLTE", &[0; 9000]).encode();
    refuses(&long, ErrorKind::Malformed, &["PLTE", "9000 bytes"]);
    let split = png().with_after(b"tIME", &[0; 7]).with_after(b"IDAT", b"").encode();
    refuses(&split, ErrorKind::Malformed, &["not in one run"]);
    let mut name = png().with(b"abCd", b"").encode();
    let place = at(&name, b"abCd");
    name[place] = b'\n';
    refuses(&name, ErrorKind::Malformed, &["\\nbCd", "four letters"]);
}

#[test]
fn damage_in_a_chunk_that_is_not_needed_does_no_harm() {
    let mut image = png().with(b"pHYs", &[0, 0, 46, 35, 0, 0, 46, 35, 1]).encode();
    let body = at(&image, b"pHYs") + 5;
    image[body] ^= 1;
    let (report, _) = convert(&image, lossless()).unwrap();
    assert_eq!((report.width(), report.height()), (30, 20));
}

#[test]
fn bytes_after_the_image_stay_out_of_the_pdf() {
    let jpeg = jpeg(16, 16, ColorType::Rgb, 95, |_| {});
    for mut image in [png().encode(), jpeg] {
        let length = image.len() as u64;
        image.extend_from_slice(b"<script>smuggled</script>");
        for options in
            [lossless(), Options::new(), Options::new().with_max_size(MaxSize::new(9, 9))]
        {
            let (report, pdf) = convert(&image, options).unwrap();
            assert_eq!(report.input_bytes(), length);
            assert!(!pdf.windows(8).any(|window| window == b"smuggled"));
        }
    }
}

#[test]
fn bytes_behind_the_zlib_stream_stay_out_of_the_pdf() {
    let mut data = zlib(&png().filtered());
    data.extend_from_slice(b"smuggled");
    let (_, pdf) = convert(&png().encode_data(&data, 1000), lossless()).unwrap();
    assert!(!pdf.windows(8).any(|window| window == b"smuggled"));
}

#[test]
fn codings_that_a_pdf_cannot_carry_are_named() {
    let with_frame = |marker: u8| {
        let mut image = jpeg(16, 16, ColorType::Rgb, 95, |_| {});
        let frame = at(&image, &[0xff, 0xc0]);
        image[frame + 1] = marker;
        image
    };
    refuses(&with_frame(0xc3), ErrorKind::UnsupportedFormat, &["SOF3", "lossless"]);
    refuses(&with_frame(0xc9), ErrorKind::UnsupportedFormat, &["SOF9", "arithmetic"]);
    let mut deep = with_frame(0xc1);
    let frame = at(&deep, &[0xff, 0xc1]);
    deep[frame + 4] = 12;
    refuses(&deep, ErrorKind::UnsupportedFormat, &["12 bits"]);
    refuses(b"GIF89a not an image", ErrorKind::UnsupportedFormat, &["neither png nor jpeg"]);
    refuses(b"", ErrorKind::UnsupportedFormat, &["neither png nor jpeg"]);
}

#[test]
fn defects_of_jpeg_structure_are_refused() {
    let sound = jpeg(64, 64, ColorType::Rgb, 95, |encoder| encoder.set_restart_interval(2));
    let changed = |marker: u8, offset: usize, value: u8| {
        let mut image = sound.clone();
        let start = at(&image, &[0xff, marker]);
        image[start + offset] = value;
        image
    };
    refuses(&changed(0xc0, 11, 0), ErrorKind::Malformed, &["SOF0", "impossible factors"]);
    refuses(&changed(0xc0, 12, 3), ErrorKind::Malformed, &["lacks a table"]);
    refuses(&changed(0xdb, 5, 0), ErrorKind::Malformed, &["DQT", "zero"]);
    refuses(&changed(0xc4, 5, 3), ErrorKind::Malformed, &["DHT", "too many codes"]);
    refuses(&changed(0xda, 5, 77), ErrorKind::Malformed, &["SOS", "not in the frame"]);
    refuses(&changed(0xd1, 1, 0xd5), ErrorKind::Malformed, &["RST5", "out of order"]);
}

fn victims() -> Vec<Vec<u8>> {
    vec![
        Png::new(23, 17, 6, 8).encode(),
        Png::new(23, 17, 3, 4).with(b"tRNS", &[3, 200]).interlaced().encode(),
        Png::new(9, 9, 2, 16).with(b"tRNS", &[1, 2, 3, 4, 5, 6]).encode(),
        jpeg(40, 24, ColorType::Rgb, 95, |_| {}),
        jpeg(40, 24, ColorType::CmykAsYcck, 95, |_| {}),
        jpeg(40, 24, ColorType::Rgb, 95, |encoder| encoder.set_progressive(true)),
    ]
}

/// Makes the checksums of a PNG right again, so that damage reaches what lies behind them.
fn repair(image: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = image.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        let end = at.saturating_add(8).saturating_add(length);
        if end.saturating_add(4) > image.len() {
            return;
        }
        let crc = crc32fast::hash(&image[at + 4..end]);
        image[end..end + 4].copy_from_slice(&crc.to_be_bytes());
        at = end + 4;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_damage_makes_it_panic(
        which: Index,
        edits in prop::collection::vec((any::<Index>(), any::<u8>()), 0..6),
        cut in prop::option::weighted(0.2, any::<Index>()),
        repaired: bool,
        mode in 0..4,
    ) {
        let victims = victims();
        let mut image = which.get(&victims).clone();
        let is_png = image[0] == 0x89;
        for (place, value) in edits {
            let place = place.index(image.len());
            image[place] = value;
        }
        if let Some(cut) = cut {
            image.truncate(cut.index(image.len()));
        }
        if repaired && is_png {
            repair(&mut image);
        }
        let options = match mode {
            0 => lossless(),
            1 => Options::new().with_quality(Quality::Low),
            2 => Options::new().with_max_size(MaxSize::new(7, 5)),
            _ => lossless().with_max_size(MaxSize::new(0, 11)),
        };
        match convert(&image, options) {
            Ok((_, out)) => {
                let pdf = crate::pdf::Pdf::parse(out);
                if pdf.image().has("/FlateDecode") {
                    pdf.image().samples();
                }
                pdf.soft_mask().map(|mask| mask.samples());
            }
            Err(error) => prop_assert!(error.is_bad_input(), "{error:?}"),
        }
    }

    #[test]
    fn noise_behind_a_signature_is_refused(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        for start in [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff"] {
            let image = [start, &noise].concat();
            let error = convert(&image, Options::new()).map(|_| ()).unwrap_err();
            prop_assert!(error.is_bad_input());
        }
    }
}
