use std::fmt;

/// A part of an image file and the byte at which it starts, for error messages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Png { chunk: [u8; 4], at: u64 },
    Jpeg { marker: u8, at: u64 },
    File { format: &'static str, at: u64 },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Png { chunk, at } => {
                write!(f, "png chunk {} at byte {at}", chunk.escape_ascii())
            }
            Place::Jpeg { marker, at } => {
                f.write_str("jpeg segment ")?;
                match marker {
                    0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                        write!(f, "SOF{}", marker - 0xc0)?;
                    }
                    0xc4 => f.write_str("DHT")?,
                    0xcc => f.write_str("DAC")?,
                    0xd0..=0xd7 => write!(f, "RST{}", marker - 0xd0)?,
                    0xd8 => f.write_str("SOI")?,
                    0xd9 => f.write_str("EOI")?,
                    0xda => f.write_str("SOS")?,
                    0xdb => f.write_str("DQT")?,
                    0xdc => f.write_str("DNL")?,
                    0xdd => f.write_str("DRI")?,
                    0xe0..=0xef => write!(f, "APP{}", marker - 0xe0)?,
                    0xfe => f.write_str("COM")?,
                    other => write!(f, "{other:02x}")?,
                }
                write!(f, " at byte {at}")
            }
            Place::File { format, at } => write!(f, "{format} at byte {at}"),
        }
    }
}
