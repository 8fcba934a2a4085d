use jpeg_encoder::{ColorType, PixelDensity, PixelDensityUnit};
use mcsv_image_pdf::{MaxSize, Options};

use crate::sample::{Png, exif, jpeg};
use crate::{converted, lossless};

/// Where the four corners of a stored image of 40 x 20 go on the page, by orientation: top left,
/// top right and bottom left, in points from the lower left corner.
const CORNERS: [[[i32; 2]; 3]; 8] = [
    [[0, 20], [40, 20], [0, 0]],
    [[40, 20], [0, 20], [40, 0]],
    [[40, 0], [0, 0], [40, 20]],
    [[0, 0], [40, 0], [0, 20]],
    [[0, 40], [0, 0], [20, 40]],
    [[20, 40], [20, 0], [0, 40]],
    [[20, 0], [20, 40], [0, 0]],
    [[0, 0], [0, 40], [20, 0]],
];

#[test]
fn the_page_matrix_turns_every_orientation_upright() {
    for (orientation, corners) in (1u8..).zip(CORNERS) {
        let tiff = exif(orientation);
        let segment = [b"Exif\0\0", tiff.as_slice()].concat();
        let jpeg = jpeg(40, 20, ColorType::Rgb, 90, |e| e.add_app_segment(1, segment).unwrap());
        let before = Png::new(40, 20, 2, 8).with(b"eXIf", &tiff).encode();
        let after = Png::new(40, 20, 2, 8).with_after(b"eXIf", &tiff).encode();
        for image in [jpeg, before, after] {
            let (report, pdf) = converted(&image, lossless());
            let shown = if orientation > 4 { (20, 40) } else { (40, 20) };
            assert_eq!((report.width(), report.height()), shown);
            let (width, height) = shown;
            assert!(pdf.page().contains(&format!("/MediaBox [0 0 {width} {height}]")));
            let content = pdf.content();
            let matrix: Vec<i32> =
                content.split(' ').skip(1).take(6).map(|n| n.parse().unwrap()).collect();
            let [a, b, c, d, e, f] = matrix[..] else { panic!("{content}") };
            let place = |u: i32, v: i32| [a * u + c * v + e, b * u + d * v + f];
            let found = [place(0, 1), place(1, 1), place(0, 0)];
            assert_eq!(found, corners, "orientation {orientation}");
        }
    }
}

#[test]
fn a_scaled_image_keeps_its_orientation_and_fits_as_displayed() {
    let segment = [b"Exif\0\0", exif(6).as_slice()].concat();
    let image = jpeg(40, 20, ColorType::Rgb, 90, |e| e.add_app_segment(1, segment).unwrap());
    let (report, pdf) = converted(&image, Options::new().with_max_size(MaxSize::new(10, 30)));
    assert_eq!((report.width(), report.height()), (10, 20));
    assert_eq!((pdf.image().number("Width"), pdf.image().number("Height")), (20, 10));
    assert_eq!(pdf.content(), "q 0 -20 10 0 0 20 cm /Image Do Q");
}

#[test]
fn the_density_sets_the_size_of_the_page() {
    let inches = PixelDensity { density: (144, 72), unit: PixelDensityUnit::Inches };
    let image = jpeg(40, 20, ColorType::Rgb, 90, |e| e.set_density(inches));
    assert!(converted(&image, lossless()).1.page().contains("/MediaBox [0 0 20 20]"));

    let metres = [0, 0, 0x2e, 0x23, 0, 0, 0x2e, 0x23, 1];
    let png = Png::new(600, 300, 0, 1).with(b"pHYs", &metres).encode();
    let page = converted(&png, lossless()).1.page();
    assert!(page.contains("/MediaBox [0 0 144.0003 72.0001]"), "{page}");
    let scaled = lossless().with_max_size(MaxSize::new(100, 100));
    let page = converted(&png, scaled).1.page();
    assert!(page.contains("/MediaBox [0 0 144.0003 72.0001]"), "{page}");
}

#[test]
fn the_title_is_in_the_document_information() {
    let image = Png::new(3, 3, 0, 8).encode();
    let (_, pdf) = converted(&image, lossless().with_title("a (b)"));
    assert!(pdf.contains("/Title (a \\(b\\))"));
    let (_, pdf) = converted(&image, lossless().with_title("Straße"));
    assert!(pdf.contains("/Title <feff005300740072006100df0065>"));
}
