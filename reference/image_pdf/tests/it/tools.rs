//! The same PDFs in the hands of other programs, where these are installed.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Output};

use jpeg_encoder::ColorType;
use mcsv_image_pdf::{MaxSize, Options, Quality};

use crate::sample::{Png, exif, icc, jpeg, kinds, zlib};
use crate::{convert, lossless};

fn images() -> Vec<Vec<u8>> {
    let mut images: Vec<Vec<u8>> = Vec::new();
    for (color, depth) in kinds() {
        images.push(Png::new(25, 17, color, depth).encode());
        images.push(Png::new(25, 17, color, depth).interlaced().encode());
    }
    let profile = [b"name\0\0".as_slice(), &zlib(&icc(b"RGB ", 500))].concat();
    images.push(Png::new(25, 17, 3, 8).with(b"tRNS", &[1, 2]).with(b"iCCP", &profile).encode());
    images.push(Png::new(25, 17, 2, 16).with(b"tRNS", &[0; 6]).with(b"eXIf", &exif(6)).encode());
    images.push(Png::new(1, 1, 2, 8).encode());
    for color in [ColorType::Luma, ColorType::Rgb, ColorType::Cmyk, ColorType::CmykAsYcck] {
        images.push(jpeg(50, 31, color, 98, |_| {}));
        images.push(jpeg(50, 31, color, 98, |encoder| encoder.set_progressive(true)));
    }
    images
}

/// What a program says, or `None` where it is not installed.
fn run(program: &str, args: &[&str], file: &Path) -> Option<Output> {
    let mut command = Command::new(program);
    let (before, after) = args.split_at(args.len().min(1));
    command.args(before).arg(file).args(after).output().ok()
}

#[test]
fn qpdf_finds_nothing_wrong() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let modes = [
        lossless().with_title("Prüfung"),
        Options::new().with_quality(Quality::Low),
        lossless().with_max_size(MaxSize::new(12, 12)),
    ];
    for (index, image) in images().iter().enumerate() {
        for (mode, options) in modes.iter().enumerate() {
            let file = folder.path().join(format!("{index}-{mode}.pdf"));
            std::fs::write(&file, convert(image, options.clone())?.1)?;
            let Some(output) = run("qpdf", &["--check"], &file) else { return Ok(()) };
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "image {index}, mode {mode}: {said}");
        }
    }
    Ok(())
}

#[test]
fn poppler_reads_the_samples_of_the_source() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    for (color, depth) in [(0, 8), (2, 8), (2, 16), (6, 8)] {
        for interlaced in [false, true] {
            let mut png = Png::new(25, 17, color, depth);
            png.interlaced = interlaced;
            let file = folder.path().join("image.pdf");
            std::fs::write(&file, convert(&png.encode(), lossless())?.1)?;
            let root = folder.path().join("out");
            let root = root.to_str().ok_or("path is not text")?;
            let Some(output) = run("pdfimages", &["-png", root], &file) else { return Ok(()) };
            assert!(output.status.success());
            let mut decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(
                folder.path().join("out-000.png"),
            )?));
            decoder.set_transformations(png::Transformations::IDENTITY);
            let mut reader = decoder.read_info()?;
            let mut found = vec![0; reader.output_buffer_size().ok_or("too large")?];
            let info = reader.next_frame(&mut found)?;
            let channels = if color == 0 { 1 } else { 3 };
            let mut expected = png.packed_channels(0, channels);
            if depth == 16 {
                // Poppler keeps the high byte of a sample only.
                expected = expected.chunks(2).map(|sample| sample[0]).collect();
            }
            if info.bit_depth == png::BitDepth::Sixteen {
                found = found.chunks(2).map(|sample| sample[0]).collect();
            }
            assert!(found == expected, "colour type {color}, interlaced {interlaced}");
        }
    }
    Ok(())
}
