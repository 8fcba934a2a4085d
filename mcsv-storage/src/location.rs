use std::collections::BTreeSet;
use std::path::PathBuf;

use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// Where a store is, as its URL says.
pub(crate) enum Location {
    Memory,
    Folder(PathBuf),
    S3(S3Location),
    /// A URL for opendal, if it has the scheme.
    Other {
        scheme: String,
        url: String,
    },
}

/// The parts of an `s3:` URL. It has no `Debug`: it holds a secret.
#[derive(Default)]
#[cfg_attr(not(feature = "s3"), allow(dead_code, reason = "only the feature s3 opens it"))]
pub(crate) struct S3Location {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) public_endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) access_key_id: Option<String>,
    pub(crate) secret_access_key: Option<String>,
    pub(crate) session_token: Option<String>,
    pub(crate) virtual_host: bool,
}

impl Location {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        // The text may hold a secret: no message repeats it.
        let url = Url::parse(text).map_err(|e| {
            config("storage URL: give memory:, fs:///folder or s3://bucket").with_source(e)
        })?;
        match url.scheme() {
            "memory" => memory(&url),
            "fs" => folder(&url),
            "s3" => s3(&url),
            other => Ok(Location::Other { scheme: other.to_owned(), url: text.to_owned() }),
        }
    }
}

fn memory(url: &Url) -> Result<Location> {
    let bare = url.host_str().is_none_or(str::is_empty) && matches!(url.path(), "" | "/");
    if !bare || url.query().is_some() || url.fragment().is_some() {
        return Err(config("storage URL memory: takes nothing after the colon"));
    }
    Ok(Location::Memory)
}

fn folder(url: &Url) -> Result<Location> {
    if url.host_str().is_some_and(|host| !host.is_empty()) {
        return Err(config("storage URL fs: give three slashes and an absolute path, fs:///var/x"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(config("storage URL fs: takes no ? and no #"));
    }
    let path = percent_decode(url.path())
        .ok_or_else(|| config("storage URL fs: the path is not UTF-8 or has a NUL"))?;
    if !path.starts_with('/') || path == "/" {
        return Err(config("storage URL fs: give the absolute path of a folder, fs:///var/x"));
    }
    Ok(Location::Folder(PathBuf::from(path)))
}

fn s3(url: &Url) -> Result<Location> {
    let Some(bucket) = url.host_str().filter(|host| !host.is_empty()) else {
        return Err(config("storage URL s3: give the bucket, s3://bucket"));
    };
    if !url.username().is_empty() || url.password().is_some() || url.port().is_some() {
        return Err(config("storage URL s3: credentials and endpoint are parameters after the ?"));
    }
    if url.fragment().is_some() {
        return Err(config("storage URL s3: takes no #: write it as %23"));
    }
    let prefix = percent_decode(url.path())
        .ok_or_else(|| config("storage URL s3: the prefix is not UTF-8 or has a NUL"))?;
    let prefix = prefix.strip_prefix('/').unwrap_or(&prefix);
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    // opendal and the signer of direct URLs would each make another name of it.
    if !prefix.is_empty() && prefix.split('/').any(|part| part.trim().is_empty()) {
        return Err(config("storage URL s3: the prefix has an empty part"));
    }
    let mut location = S3Location {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        ..S3Location::default()
    };
    let mut seen = BTreeSet::new();
    for pair in url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // A + is one: many secrets have it, and no value has a space.
        let decoded = percent_decode(name).zip(percent_decode(value));
        let Some((name, value)) = decoded else {
            return Err(config("storage URL s3: a parameter is not UTF-8: write a % as %25"));
        };
        if !seen.insert(name.clone()) {
            return Err(config(format!("storage URL s3: parameter {name:?} is there twice")));
        }
        match &*name {
            "endpoint" => location.endpoint = Some(value),
            "public_endpoint" => location.public_endpoint = Some(value),
            "region" => location.region = Some(value),
            "access_key_id" => location.access_key_id = Some(value),
            "secret_access_key" => location.secret_access_key = Some(value),
            "session_token" => location.session_token = Some(value),
            "addressing" if value == "path" => location.virtual_host = false,
            "addressing" if value == "virtual-host" => location.virtual_host = true,
            "addressing" => {
                return Err(config("storage URL s3: addressing is path or virtual-host"));
            }
            _ => return Err(config(format!("storage URL s3: unknown parameter {name:?}"))),
        }
    }
    if location.access_key_id.is_some() != location.secret_access_key.is_some() {
        return Err(config(
            "storage URL s3: access_key_id and secret_access_key go together, or leave both to the \
             environment",
        ));
    }
    if location.session_token.is_some() && location.access_key_id.is_none() {
        return Err(config("storage URL s3: session_token goes with access_key_id"));
    }
    Ok(Location::S3(location))
}

pub(crate) fn percent_decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|d| char::from(d).to_digit(16));
        bytes.push(u8::try_from(digit()? << 4 | digit()?).ok()?);
    }
    String::from_utf8(bytes).ok().filter(|path| !path.contains('\0'))
}

fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_fault(url: &str, named: &str) {
        let Err(error) = Location::parse(url) else { panic!("{url} was taken") };
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(named), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn names_the_fault_and_never_the_secret() {
        check_fault("", "give memory:");
        check_fault("hunter2", "give memory:");
        check_fault("memory:hunter2", "nothing after");
        check_fault("fs://relative/x", "three slashes");
        check_fault("fs:///", "absolute path");
        check_fault("fs:///a?b=hunter2", "takes no ?");
        check_fault("fs:///a%00b", "NUL");
        check_fault("s3://?secret_access_key=hunter2", "give");
        check_fault("s3://b?access_key_id=x", "go together");
        check_fault("s3://b?secret_access_key=hunter2", "go together");
        check_fault("s3://b?session_token=hunter2", "goes with");
        check_fault("s3://b?secret=hunter2", "unknown parameter \"secret\"");
        check_fault("s3://b?addressing=hunter2", "path or virtual-host");
        check_fault("s3://x:hunter2@b", "after the ?");
        check_fault("s3://b?access_key_id=x&secret_access_key=a#hunter2", "%23");
        check_fault("s3://b?region=hunter2&region=x", "\"region\" is there twice");
        check_fault("s3://b?secret_access_key=hunter2%", "%25");
        for prefix in ["a//b", "/a", "a//", "a/%20/b"] {
            check_fault(&format!("s3://b/{prefix}?region=hunter2"), "prefix");
        }
        check_fault("s3://b/a%00b", "NUL");
    }

    #[test]
    fn decodes_a_bucket_and_takes_a_plus_as_one() {
        let url = "s3://b/my%20dir/%C3%BC/?access_key_id=x&secret_access_key=a+b/c%2B%23%26d";
        let Ok(Location::S3(location)) = Location::parse(url) else { panic!("refused") };
        assert_eq!(location.prefix, "my dir/\u{fc}");
        assert_eq!(location.secret_access_key.as_deref(), Some("a+b/c+#&d"));
    }

    #[test]
    fn decodes_the_path_of_a_folder() {
        let Ok(Location::Folder(path)) = Location::parse("fs:///var/my%20files") else {
            panic!("refused")
        };
        assert_eq!(path, PathBuf::from("/var/my files"));
    }
}
