use std::io::{self, Read, Write};

use jpeg_encoder::ColorType;
use mcsv_image_pdf::{Converter, ErrorKind, Options};

use crate::sample::{Png, jpeg};
use crate::{convert, lossless};

/// Gives one byte at a time, with an interruption before each.
struct Drip<'a>(&'a [u8], bool);

impl Read for Drip<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = 1.min(out.len());
        self.0.read(&mut out[..count])
    }
}

/// Fails after some bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("disk is full"));
        }
        let count = bytes.len().min(self.0);
        self.0 -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn images() -> Vec<Vec<u8>> {
    vec![
        Png::new(30, 20, 6, 8).encode(),
        Png::new(30, 20, 3, 4).with(b"tRNS", &[7]).encode(),
        Png::new(30, 20, 2, 16).interlaced().encode(),
        jpeg(60, 40, ColorType::Rgb, 95, |encoder| encoder.set_restart_interval(2)),
        jpeg(60, 40, ColorType::Rgb, 95, |encoder| encoder.set_progressive(true)),
    ]
}

#[test]
fn the_size_of_reads_does_not_matter() {
    for image in images() {
        for options in [lossless(), Options::new()] {
            let (_, whole) = convert(&image, options.clone()).unwrap();
            let mut dripped = Vec::new();
            Converter::new(options).convert(Drip(&image, false), &mut dripped).unwrap();
            assert_eq!(whole, dripped);
        }
    }
}

#[test]
fn a_failing_writer_is_a_write_error_wherever_it_fails() {
    for image in images() {
        for options in [lossless(), Options::new()] {
            let (report, _) = convert(&image, options.clone()).unwrap();
            let length = report.output_bytes() as usize;
            for room in (0..length).step_by(97).chain([length - 1]) {
                let result = Converter::new(options.clone()).convert(&image[..], Full(room));
                let error = result.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Write);
                let source = std::error::Error::source(&error).unwrap().to_string();
                assert_eq!(source, "disk is full");
            }
        }
    }
}

#[test]
fn a_failing_reader_is_a_read_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("connection reset"))
        }
    }
    for image in images() {
        let broken = (&image[..image.len() / 2]).chain(Broken);
        let error = Converter::new(lossless()).convert(broken, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Read);
        assert!(error.is_io());
    }
}

#[test]
fn what_is_left_of_a_failure_has_no_page_and_no_table() {
    for mut image in images() {
        image.truncate(image.len() - 3);
        let mut out = Vec::new();
        Converter::new(lossless()).convert(&image[..], &mut out).unwrap_err();
        let text = String::from_utf8_lossy(&out);
        for part in ["/Type /Page", "/Catalog", "xref", "trailer"] {
            assert!(!text.contains(part), "{part} was written");
        }
    }
}
