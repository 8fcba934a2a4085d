use std::io::{Read, Write};

use metrics::{counter, histogram};
use tracing::{debug, debug_span};

use crate::error::{Error, Result};
use crate::format::{Format, SNIFF_BYTES, sniff};
use crate::input::Input;
use crate::options::Options;
use crate::pdf::{Document, Placed, finish};
use crate::quality::Quality;
use crate::report::Report;
use crate::{jpeg, png, staged};

/// Converts images to PDF by fixed [`Options`].
///
/// A converter holds no state between images, so one can be shared by any number of threads.
#[derive(Debug, Clone, Default)]
pub struct Converter {
    options: Options,
}

impl Converter {
    /// A converter with `options`.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Converter { options }
    }

    /// The options of this converter.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Reads one PNG or JPEG from `reader` and writes a PDF of one page to `writer`.
    ///
    /// Both are used in large pieces and need no buffer around them; neither has to seek. Without
    /// resizing, at lossless quality, the image streams through in constant memory, apart from
    /// the mask of a transparent image and from an interlaced image. Otherwise the input is held
    /// in memory, up to its limit.
    ///
    /// The same image and options always make the same bytes.
    ///
    /// This call blocks and computes; run it on a thread that may, such as tokio's blocking pool.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind) but `InvalidOption`. What `writer` has received is then
    /// not a PDF and is the caller's to discard: the parts by which a viewer opens a file are
    /// written last.
    ///
    /// ```
    /// use mcsv_image_pdf::{ConversionPath, Converter, MaxSize, Options, Quality};
    ///
    /// # let mut png = Vec::new();
    /// # png::Encoder::new(&mut png, 2, 2).write_header()?.write_image_data(&[0, 85, 170, 255])?;
    /// let mut pdf = Vec::new();
    /// let options = Options::new().with_quality(Quality::Lossless);
    /// let report = Converter::new(options).convert(png.as_slice(), &mut pdf)?;
    /// assert_eq!(report.path(), ConversionPath::PassThrough);
    /// assert_eq!((report.width(), report.height()), (2, 2));
    /// assert_eq!(report.output_bytes(), pdf.len() as u64);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn convert<R: Read, W: Write>(&self, mut reader: R, mut writer: W) -> Result<Report> {
        let _span =
            debug_span!("image_pdf.convert", quality = self.options.quality().as_str()).entered();
        let result = self.run(&mut reader, &mut writer);
        match &result {
            Ok(report) => {
                let path = report.path().as_str();
                counter!("image_pdf_conversions_total", "path" => path).increment(1);
                histogram!("image_pdf_input_bytes").record(report.input_bytes() as f64);
                histogram!("image_pdf_output_bytes").record(report.output_bytes() as f64);
                debug!(
                    format = %report.format(),
                    path,
                    width = report.width(),
                    height = report.height(),
                    input_bytes = report.input_bytes(),
                    output_bytes = report.output_bytes(),
                    "image converted"
                );
            }
            Err(error) => {
                counter!("image_pdf_failures_total", "kind" => error.kind().as_str()).increment(1);
                debug!(kind = error.kind().as_str(), %error, "image refused");
            }
        }
        result
    }

    fn run(&self, reader: &mut dyn Read, writer: &mut dyn Write) -> Result<Report> {
        let options = &self.options;
        let mut input = Input::new(reader, options.limits());
        let Some(format) = sniff(input.peek(SNIFF_BYTES)?) else {
            return Err(Error::unsupported("input is neither png nor jpeg"));
        };
        let streams = options.quality() == Quality::Lossless && !options.max_size().is_bounded();
        if !streams {
            let file = input.read_to_end()?;
            let (page, length) = staged::convert(&file, format, options)?;
            writer.write_all(&page.pdf).and_then(|()| writer.flush()).map_err(Error::write)?;
            return Ok(report(format, &page.placed, length, page.pdf.len() as u64));
        }
        let mut document = Document::new(writer)?;
        let placed = match format {
            Format::Png => png::embed(&mut input, options, &mut document)?,
            Format::Jpeg => jpeg::embed(&mut input, options, &mut document)?,
        };
        finish(&mut document, &placed, options.title())?;
        Ok(report(format, &placed, input.position(), document.written()))
    }
}

fn report(format: Format, placed: &Placed, input_bytes: u64, output_bytes: u64) -> Report {
    let (width, height) = placed.displayed();
    Report { format, path: placed.path, width, height, input_bytes, output_bytes }
}
