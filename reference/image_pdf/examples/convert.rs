//! Converts an image file: `convert IN OUT [QUALITY [MAX_WIDTH [MAX_HEIGHT]]]`.

use std::error::Error;
use std::fs::File;

use mcsv_image_pdf::{Converter, MaxSize, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, rest @ ..] = args.as_slice() else {
        return Err("usage: convert IN OUT [QUALITY [MAX_WIDTH [MAX_HEIGHT]]]".into());
    };
    let quality = rest.first().map_or("lossless", String::as_str).parse()?;
    let side = |index| rest.get(index).map_or(Ok(0), |text: &String| text.parse());
    let options =
        Options::new().with_quality(quality).with_max_size(MaxSize::new(side(1)?, side(2)?));
    let result = Converter::new(options).convert(File::open(input)?, File::create(output)?);
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            std::fs::remove_file(output)?;
            return Err(error.into());
        }
    };
    println!(
        "{} {}x{} {} -> {} bytes",
        report.path(),
        report.width(),
        report.height(),
        report.input_bytes(),
        report.output_bytes()
    );
    Ok(())
}
