use std::io::{self, ErrorKind, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcsv_rpc::BoxError;
use mcsv_storage::SigningKeys;

use crate::config::Keys;

/// The keys that were given, or those of the file, which is made where it is missing.
pub(crate) async fn open(keys: Keys) -> Result<SigningKeys, BoxError> {
    let path = match keys {
        Keys::Given(keys) => return Ok(keys),
        Keys::File(path) => path,
    };
    tokio::task::spawn_blocking(move || {
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => create(&path)?,
            read => read.map_err(|error| at(&path, error))?,
        };
        let parsed = SigningKeys::parse(text.trim());
        parsed.map_err(|error| format!("{}: {error}", path.display()).into())
    })
    .await?
}

/// Two processes that start at once must end up with one key: a link to a complete file either is
/// made first or finds the other's.
fn create(path: &Path) -> Result<String, BoxError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
    }
    let temporary = path.with_extension(mcsv_core::SpanId::random().to_string());
    let written = new_keys().and_then(|text| write_private(&temporary, &text));
    let linked = written.and_then(|()| std::fs::hard_link(&temporary, path));
    let _ = std::fs::remove_file(&temporary);
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(at(path, error)),
        _ => std::fs::read_to_string(path).map_err(|error| at(path, error)),
    }
}

/// One key of 256 random bits, as `SIGNING_KEYS` would hold it.
fn new_keys() -> io::Result<String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    Ok(format!("first:{}", STANDARD.encode(secret)))
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn at(path: &Path, error: io::Error) -> BoxError {
    format!("{}: {error}", path.display()).into()
}
