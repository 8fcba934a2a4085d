/// The longest page side, in points (ISO 32000-1, annex C).
const LONGEST: f64 = 14_400.0;
/// The shortest page side, in points (ISO 32000-1, annex C).
const SHORTEST: f64 = 3.0;
const POINTS_PER_INCH: f64 = 72.0;

/// Pixels per inch along the stored rows and columns of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Density {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Density {
    /// A density, unless it is outside what a scanner or printer has.
    pub(crate) fn new(x: f64, y: f64) -> Option<Self> {
        let sane = 1.0..=100_000.0;
        (sane.contains(&x) && sane.contains(&y)).then_some(Density { x, y })
    }
}

/// The size in points of an image of `width` by `height` pixels: by its density, or one pixel a
/// point, then scaled into what viewers accept.
pub(crate) fn points(width: u32, height: u32, density: Option<Density>) -> (f64, f64) {
    let Density { x, y } = density.unwrap_or(Density { x: POINTS_PER_INCH, y: POINTS_PER_INCH });
    let (w, h) = (f64::from(width) * POINTS_PER_INCH / x, f64::from(height) * POINTS_PER_INCH / y);
    let (longest, shortest) = (w.max(h), w.min(h));
    let scale = if shortest < SHORTEST { SHORTEST / shortest } else { 1.0 };
    let scale = scale.min(LONGEST / longest);
    (w * scale, h * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pixel_is_one_point_without_a_density() {
        assert_eq!(points(640, 480, None), (640.0, 480.0));
    }

    #[test]
    fn a_density_sets_the_physical_size() {
        assert_eq!(points(600, 300, Density::new(300.0, 150.0)), (144.0, 144.0));
    }

    #[test]
    fn extremes_are_scaled_into_the_range_of_viewers() {
        assert_eq!(points(1, 1, None), (3.0, 3.0));
        assert_eq!(points(28_800, 14_400, None), (14_400.0, 7_200.0));
        assert_eq!(points(1, 14_400, None), (1.0, 14_400.0));
        assert_eq!(Density::new(0.0, 72.0), None);
        assert_eq!(Density::new(f64::NAN, 72.0), None);
    }
}
