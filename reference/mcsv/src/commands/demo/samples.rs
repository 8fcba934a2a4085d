use std::path::{Path, PathBuf};

use crate::Result;

/// Small images of three different ways through the converter.
const SAMPLES: [(&str, &[u8]); 3] = [
    ("gradient-16bit.png", include_bytes!("../../../samples/gradient-16bit.png")),
    ("palette-alpha.png", include_bytes!("../../../samples/palette-alpha.png")),
    ("rotated.jpg", include_bytes!("../../../samples/rotated.jpg")),
];

/// Puts the samples into a folder, to be converted as anyone's files.
pub(super) async fn written_to(folder: &Path) -> Result<Vec<PathBuf>> {
    tokio::fs::create_dir_all(folder).await?;
    let mut files = Vec::new();
    for (name, bytes) in SAMPLES {
        let path = folder.join(name);
        tokio::fs::write(&path, bytes).await?;
        files.push(path);
    }
    Ok(files)
}
