use super::frame::{Frame, is_frame};
use super::header::keep;
use super::segment::{DHT, DQT, DRI, EOI, SOS, Segment};
use super::tables::Tables;
use crate::error::{Error, Result};
use crate::input::Input;
use crate::options::Strip;
use crate::pdf::Document;
use crate::place::Place;

/// More scans than any encoder makes; a decoder may need a pass over the image for each.
const MOST_SCANS: u32 = 512;
const PIECE: usize = 64 * 1024;

/// Copies the scans of a frame and checks their structure.
pub(super) struct Scans<'a> {
    pub(super) frame: &'a Frame,
    pub(super) tables: &'a mut Tables,
    pub(super) strip: Strip,
}

impl Scans<'_> {
    /// Copies from the entropy-coded data of `first` to the end of the image.
    pub(super) fn copy(
        mut self,
        input: &mut Input<'_>,
        document: &mut Document<'_>,
        first: &Segment,
    ) -> Result<()> {
        let mut coded = vec![false; self.frame.components.len()];
        self.check_header(first, &mut coded)?;
        let mut scans = 1;
        let mut out = Vec::new();
        let mut segment = self.copy_data(input, document, first.place)?;
        loop {
            match segment.marker {
                EOI => break,
                SOS => {
                    self.check_header(&segment, &mut coded)?;
                    scans += 1;
                    if scans > MOST_SCANS {
                        return Err(Error::limit(format!("jpeg has over {MOST_SCANS} scans")));
                    }
                }
                DQT | DHT | DRI => self.tables.read(&segment)?,
                0xcc | 0xdc => {
                    return Err(Error::unsupported(format!("{}: not supported", segment.place)));
                }
                marker if is_frame(marker) => return Err(segment.wrong("second frame")),
                _ => {}
            }
            let (is_scan, place) = (segment.marker == SOS, segment.place);
            out.clear();
            keep(segment, self.strip, &mut out);
            document.bytes(&out)?;
            segment = match is_scan {
                true => self.copy_data(input, document, place)?,
                false => Segment::next(input)?,
            };
        }
        if let Some(missing) = coded.iter().position(|is_coded| !is_coded) {
            let id = self.frame.components[missing].id;
            return Err(segment.wrong(format_args!("component {id} is in no scan")));
        }
        out.clear();
        segment.fill = if self.strip == Strip::All { 0 } else { segment.fill };
        segment.write_to(&mut out);
        document.bytes(&out)
    }

    /// Checks a scan header (ITU-T T.81, B.2.3) against the frame and the tables defined so far.
    fn check_header(&self, segment: &Segment, coded: &mut [bool]) -> Result<()> {
        let Frame { components, is_progressive, .. } = self.frame;
        let [count, rest @ ..] = segment.body.as_slice() else {
            return Err(segment.wrong("scan header is empty"));
        };
        let count = usize::from(*count);
        if !(1..=components.len()).contains(&count) || rest.len() != count * 2 + 3 {
            return Err(segment.wrong("scan header does not fit its components"));
        }
        let (selectors, parameters) = rest.split_at(count * 2);
        let [first, last, approximation] = *parameters else {
            return Err(segment.wrong("scan header is too short"));
        };
        let range_is_right = match (is_progressive, first) {
            (false, first) => (first, last, approximation) == (0, 63, 0),
            (true, 0) => last == 0,
            (true, first) => first <= last && last <= 63 && count == 1,
        };
        if !range_is_right || approximation & 15 > 13 {
            return Err(segment.wrong(format_args!("coefficients {first} to {last}")));
        }
        let (needs_dc, needs_ac) = match is_progressive {
            false => (true, true),
            true => (first == 0 && approximation >> 4 == 0, first > 0),
        };
        for [id, tables] in selectors.as_chunks::<2>().0 {
            let Some(index) = components.iter().position(|component| component.id == *id) else {
                return Err(segment.wrong(format_args!("component {id} is not in the frame")));
            };
            let has_tables = (!needs_dc || self.tables.has_dc(tables >> 4))
                && (!needs_ac || self.tables.has_ac(tables & 15))
                && self.tables.has_quantisation(components[index].table);
            if !has_tables {
                return Err(segment.wrong(format_args!("component {id} lacks a table")));
            }
            coded[index] |= first == 0;
        }
        Ok(())
    }

    /// Copies entropy-coded data, checks the order of its restart markers, and reads the segment
    /// that ends it.
    fn copy_data(
        &mut self,
        input: &mut Input<'_>,
        document: &mut Document<'_>,
        scan: Place,
    ) -> Result<Segment> {
        let mut restarts = 0;
        let start = input.position();
        loop {
            let piece = input.piece(PIECE)?;
            if piece.is_empty() {
                return Err(input.ends_early(scan));
            }
            let data = piece.iter().position(|byte| *byte == 0xff).unwrap_or(piece.len());
            document.bytes(&piece[..data])?;
            let at_marker = data < piece.len();
            input.consume(data);
            if !at_marker {
                continue;
            }
            let at = input.position();
            let &[_, next] = input.peek(2)? else { return Err(input.ends_early(scan)) };
            match next {
                0x00 => {
                    document.bytes(&[0xff, 0x00])?;
                    input.consume(2);
                }
                0xd0..=0xd7 => {
                    let place = Place::Jpeg { marker: next, at };
                    if self.tables.restart_interval == 0 || next != 0xd0 + restarts {
                        return Err(Error::malformed(place, "restart marker is out of order"));
                    }
                    restarts = (restarts + 1) % 8;
                    document.bytes(&[0xff, next])?;
                    input.consume(2);
                }
                0xff if self.strip == Strip::All => input.consume(1),
                0xff => {
                    document.bytes(&[0xff])?;
                    input.consume(1);
                }
                marker => {
                    if at == start {
                        return Err(Error::malformed(scan, "scan has no data"));
                    }
                    input.consume(2);
                    return Segment::after_marker(input, marker, Place::Jpeg { marker, at }, 0);
                }
            }
        }
    }
}
