/// The box, in pixels of the displayed image, that a page's image must fit into.
///
/// An image that is larger is scaled down, its aspect kept; one that fits is left alone. Nothing
/// is ever enlarged. Zero leaves an axis unbounded.
///
/// ```
/// use mcsv_image_pdf::MaxSize;
///
/// let box_ = MaxSize::new(1000, 0);
/// assert_eq!(box_.fit(4000, 3000), Some((1000, 750)));
/// assert_eq!(box_.fit(800, 3000), None);
/// assert_eq!(MaxSize::UNBOUNDED.fit(4000, 3000), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MaxSize {
    width: u32,
    height: u32,
}

impl MaxSize {
    /// No bound on either axis.
    pub const UNBOUNDED: MaxSize = MaxSize::new(0, 0);

    /// A box of `width` by `height` pixels; zero leaves that axis unbounded.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        MaxSize { width, height }
    }

    /// The bound on the displayed width, in pixels; zero is none.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// The bound on the displayed height, in pixels; zero is none.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Whether at least one axis is bounded.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.width != 0 || self.height != 0
    }

    /// The size to scale an image of `width` by `height` down to, or `None` when it fits as it is.
    ///
    /// Each side is at least one pixel and never over its bound.
    #[must_use]
    pub fn fit(&self, width: u32, height: u32) -> Option<(u32, u32)> {
        let bound = |max: u32, side: u32| if max == 0 { side } else { max.min(side) };
        let (max_width, max_height) = (bound(self.width, width), bound(self.height, height));
        if (max_width, max_height) == (width, height) {
            return None;
        }
        let by_width = u64::from(max_width) * u64::from(height);
        let by_height = u64::from(max_height) * u64::from(width);
        Some(if by_width <= by_height {
            (max_width, scaled(height, max_width, width).min(max_height))
        } else {
            (scaled(width, max_height, height).min(max_width), max_height)
        })
    }
}

/// `side * to / from`, rounded, at least one.
fn scaled(side: u32, to: u32, from: u32) -> u32 {
    let (side, to, from) = (u64::from(side), u64::from(to), u64::from(from.max(1)));
    let rounded = (side * to + from / 2) / from;
    u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
}
