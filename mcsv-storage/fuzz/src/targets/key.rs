//! Whatever is taken as a key stays below its folder, and is the same text everywhere.

use std::path::{Component, Path};

use mcsv_storage::{ErrorKind, ObjectKey, PageToken};

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match ObjectKey::parse(text) {
        Ok(key) => {
            assert_eq!(key.as_str(), text);
            assert!(text.len() <= ObjectKey::MAX_LEN && text.ends_with(key.file_name()));
            let parts: Vec<_> = Path::new(text).components().collect();
            assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))));
            assert_eq!(parts.len(), text.split('/').count());
            // Neither a path, a URL nor a header changes it.
            assert!(
                http::Uri::try_from(format!("/{text}"))
                    .is_ok_and(|uri| uri.path() == format!("/{text}"))
            );
            assert_eq!(
                text.parse::<PageToken>().map(|token| token.to_string()).ok().as_deref(),
                Some(text)
            );
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidKey);
            assert!(text.parse::<PageToken>().is_err());
        }
    }
}
