//! What the conversions promise, checked by a reader of their own and, where they are installed,
//! by qpdf and poppler.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its fixtures too")]

mod fidelity;
mod hostile;
mod io;
mod jpeg;
mod limits;
mod lossy;
mod metadata;
mod page;
mod pdf;
mod sample;
mod tools;

use mcsv_image_pdf::{Converter, Error, Options, Quality, Report};

fn lossless() -> Options {
    Options::new().with_quality(Quality::Lossless)
}

fn convert(image: &[u8], options: Options) -> Result<(Report, Vec<u8>), Error> {
    let mut out = Vec::new();
    let report = Converter::new(options).convert(image, &mut out)?;
    assert_eq!(report.output_bytes(), out.len() as u64);
    Ok((report, out))
}

#[track_caller]
fn converted(image: &[u8], options: Options) -> (Report, pdf::Pdf) {
    let (report, out) = convert(image, options).expect("the image is sound");
    (report, pdf::Pdf::parse(out))
}
