/// An ICC profile that fits the samples of its image.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) data: Vec<u8>,
    pub(crate) components: u8,
}

/// The shortest profile: a header and an empty tag table (ICC.1:2010, 7.1).
const SHORTEST: usize = 132;

impl Profile {
    /// The profile, if its header (ICC.1:2010, 7.2) is sound and describes `components` channels.
    ///
    /// A profile that does not fit would make a viewer reject or misread the image, so it is left
    /// out, as a decoder would.
    pub(crate) fn parse(data: Vec<u8>, components: u8) -> Option<Self> {
        let space: &[u8] = match components {
            1 => b"GRAY",
            3 => b"RGB ",
            4 => b"CMYK",
            _ => return None,
        };
        let size = data.get(..4)?.try_into().map(u32::from_be_bytes).ok()?;
        let fits = data.len() >= SHORTEST
            && usize::try_from(size) == Ok(data.len())
            && data[8] <= 4
            && matches!(&data[12..16], b"scnr" | b"mntr" | b"prtr" | b"spac")
            && &data[16..20] == space
            && &data[36..40] == b"acsp";
        if !fits {
            tracing::debug!(bytes = data.len(), components, "icc profile does not fit, left out");
        }
        fits.then_some(Profile { data, components })
    }
}
