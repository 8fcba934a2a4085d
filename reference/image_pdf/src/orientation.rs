/// How the stored rows of an image are turned to be displayed: the EXIF tag 0x0112, 1 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Orientation {
    #[default]
    Upright,
    MirroredAcross,
    UpsideDown,
    MirroredDown,
    Transposed,
    TurnRight,
    Transversed,
    TurnLeft,
}

impl Orientation {
    pub(crate) fn from_exif(value: u16) -> Option<Self> {
        Some(match value {
            1 => Orientation::Upright,
            2 => Orientation::MirroredAcross,
            3 => Orientation::UpsideDown,
            4 => Orientation::MirroredDown,
            5 => Orientation::Transposed,
            6 => Orientation::TurnRight,
            7 => Orientation::Transversed,
            8 => Orientation::TurnLeft,
            _ => return None,
        })
    }

    /// A size or a pair of densities in the other frame, stored to displayed or back.
    pub(crate) fn turn<T>(self, (x, y): (T, T)) -> (T, T) {
        use Orientation::{Transposed, Transversed, TurnLeft, TurnRight};
        match self {
            Transposed | TurnRight | Transversed | TurnLeft => (y, x),
            _ => (x, y),
        }
    }

    /// The matrix `[a b c d e f]` that maps the unit square of the stored image, whose first row
    /// is its top, onto a page of `w` by `h` (ISO 32000-1, 8.3.3).
    pub(crate) fn matrix(self, w: f64, h: f64) -> [f64; 6] {
        match self {
            Orientation::Upright => [w, 0.0, 0.0, h, 0.0, 0.0],
            Orientation::MirroredAcross => [-w, 0.0, 0.0, h, w, 0.0],
            Orientation::UpsideDown => [-w, 0.0, 0.0, -h, w, h],
            Orientation::MirroredDown => [w, 0.0, 0.0, -h, 0.0, h],
            Orientation::Transposed => [0.0, -h, -w, 0.0, w, h],
            Orientation::TurnRight => [0.0, -h, w, 0.0, 0.0, h],
            Orientation::Transversed => [0.0, h, w, 0.0, 0.0, 0.0],
            Orientation::TurnLeft => [0.0, h, -w, 0.0, w, 0.0],
        }
    }
}
