use super::details::Details;
use super::embed::deinterlaced;
use super::file::File;
use super::rows::Whole;
use super::samples::ToEight;
use super::unfilter::Unfilter;
use crate::error::Result;
use crate::input::Input;
use crate::options::Options;
use crate::raster::Raster;

/// Decodes a PNG to samples of eight bits.
pub(crate) fn decode(input: &mut Input<'_>, options: &Options) -> Result<(Raster, Details)> {
    let mut file = File::open(input, options)?;
    let head = file.head;
    let to_eight = ToEight::new(&head, &file.details);
    let size = to_eight.kind().bytes(head.width, head.height);
    options.limits().check_decoded(size)?;
    options.limits().check_decoded(head.row_bytes(head.width))?;
    let mut data = Vec::new();
    if head.interlaced {
        let pixels = deinterlaced(input, options, &mut file)?;
        for row in pixels.chunks_exact(head.row_bytes(head.width) as usize) {
            to_eight.row(row, &mut data);
        }
    } else {
        let mut unfilter = Unfilter::new(head.filter_distance());
        let mut sink = Whole::new(|pass, row| {
            to_eight.row(unfilter.row(pass, row), &mut data);
            Ok(())
        });
        file.read_data(input, &mut sink, &mut |_| Ok(()))?;
    }
    let raster = Raster::new(head.width, head.height, to_eight.kind(), data);
    Ok((raster.without_opaque_alpha(), file.details))
}
