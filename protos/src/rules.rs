//! What the fields of the messages may hold, as the comments in the `.proto` files say it.
//!
//! Each rule answers `invalid_argument` with the field's name in the message and, as Twirp does it,
//! under `argument` in the metadata.

use std::collections::BTreeMap;

use mcsv_rpc::Error;

/// The error for `field`: what is wrong with it and what it accepts.
#[must_use]
pub fn invalid(field: &str, problem: impl std::fmt::Display) -> Error {
    Error::invalid_argument(format!("{field}: {problem}")).with_meta("argument", field)
}

/// A caller's id of a user: 1 to 128 visible ASCII characters.
///
/// # Errors
///
/// `invalid_argument`.
pub fn user_id(field: &str, id: &str) -> Result<(), Error> {
    let visible = id.bytes().all(|byte| byte.is_ascii_graphic());
    if id.is_empty() || id.len() > 128 || !visible {
        return Err(invalid(field, "give 1 to 128 visible ASCII characters"));
    }
    Ok(())
}

/// A person's name: 1 to 200 characters, no control character.
///
/// # Errors
///
/// `invalid_argument`.
pub fn user_name(field: &str, name: &str) -> Result<(), Error> {
    let length = name.chars().count();
    if name.trim().is_empty() || length > 200 || name.chars().any(char::is_control) {
        return Err(invalid(field, "give 1 to 200 characters, none of them a control character"));
    }
    Ok(())
}

/// A mail address: the dot-atom form of [RFC 5321, section 4.1.2], at most 254 bytes.
///
/// Quoted local parts and address literals are legal there and refused here: no provider hands
/// them out, and they are how a header is smuggled into a mail.
///
/// # Errors
///
/// `invalid_argument`.
///
/// [RFC 5321, section 4.1.2]: https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2
pub fn email_address(field: &str, address: &str) -> Result<(), Error> {
    let parts = address.rsplit_once('@').filter(|(local, domain)| {
        address.len() <= 254 && is_local_part(local) && is_domain(domain)
    });
    match parts {
        Some(_) => Ok(()),
        None => {
            let shown: String = address.chars().take(64).collect();
            Err(invalid(
                field,
                format!("{shown:?} is no mail address: give one such as ada@example.org"),
            ))
        }
    }
}

fn is_local_part(local: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    local.len() <= 64 && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(legal))
}

fn is_domain(domain: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| {
        let edged = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && !edged && label.bytes().all(legal)
    };
    domain.split('.').all(is_label)
}

/// Template variables: at most 32, of at most 1,000 bytes each, names included.
///
/// # Errors
///
/// `invalid_argument`.
pub fn variables(field: &str, variables: &BTreeMap<String, String>) -> Result<(), Error> {
    if variables.len() > 32 {
        return Err(invalid(
            field,
            format!("{} variables are too many: give at most 32", variables.len()),
        ));
    }
    if let Some(name) = ["user_name", "details"].iter().find(|name| variables.contains_key(**name))
    {
        return Err(invalid(
            field,
            format!("{name:?} has a meaning of its own: take another name"),
        ));
    }
    match variables.iter().find(|(name, value)| name.len() + value.len() > 1_000) {
        Some(_) => Err(invalid(field, "a variable is too long: give at most 1,000 bytes each")),
        None => Ok(()),
    }
}

/// The quality of a PDF; empty means medium.
///
/// # Errors
///
/// `invalid_argument`.
pub fn pdf_quality(quality: &str) -> Result<(), Error> {
    match quality {
        "" | "low" | "medium" | "high" | "lossless" => Ok(()),
        other => {
            let shown: String = other.chars().take(32).collect();
            let problem = format!(
                "unknown quality {shown:?}: give low, medium, high, lossless, or nothing for medium"
            );
            Err(invalid("pdf_quality", problem))
        }
    }
}

/// A kind of mail.
///
/// # Errors
///
/// `invalid_argument`.
pub fn email_type(field: &str, name: &str) -> Result<(), Error> {
    match name {
        "welcome"
        | "notification"
        | "user_updated"
        | "conversion_complete"
        | "conversion_failed" => Ok(()),
        other => {
            let shown: String = other.chars().take(32).collect();
            Err(invalid(
                field,
                format!(
                    "unknown type {shown:?}: give welcome, notification, user_updated, \
                     conversion_complete or conversion_failed"
                ),
            ))
        }
    }
}

/// A name between services, such as an `email_id`: at most 64 characters of `[A-Za-z0-9_-]`, or
/// none.
///
/// # Errors
///
/// `invalid_argument`.
pub fn token(field: &str, token: &str) -> Result<(), Error> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if token.len() > 64 || !token.bytes().all(legal) {
        return Err(invalid(field, "give at most 64 characters of A-Z, a-z, 0-9, - and _"));
    }
    Ok(())
}

/// The name of an event: 1 to 200 characters of `[A-Za-z0-9_-]`.
///
/// # Errors
///
/// `invalid_argument`.
pub fn event_id(field: &str, id: &str) -> Result<(), Error> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if id.is_empty() || id.len() > 200 || !id.bytes().all(legal) {
        return Err(invalid(field, "give 1 to 200 characters of A-Z, a-z, 0-9, - and _"));
    }
    Ok(())
}

/// The largest width or height of the result, in pixels: 0 (as it is) to 65,535.
///
/// # Errors
///
/// `invalid_argument`.
pub fn max_side(field: &str, pixels: i32) -> Result<u32, Error> {
    match u16::try_from(pixels) {
        Ok(pixels) => Ok(u32::from(pixels)),
        Err(_) => Err(invalid(field, format!("{pixels} pixels: give 0 (no limit) to 65535"))),
    }
}

/// A file's name for display: at most 255 bytes, no control character, no path.
///
/// # Errors
///
/// `invalid_argument`.
pub fn file_name(field: &str, name: &str) -> Result<(), Error> {
    let illegal = |c: char| c.is_control() || c == '/' || c == '\\';
    if name.len() > 255 || name.chars().any(illegal) {
        return Err(invalid(field, "give a name without folders, at most 255 bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_addresses_that_people_have() {
        for good in
            ["a@b.c", "ada.lovelace+x@example.org", "o'neil@mail.example.co.uk", "root@localhost"]
        {
            assert!(email_address("email", good).is_ok(), "{good}");
        }
    }

    #[test]
    fn refuses_what_is_no_address_or_could_smuggle_a_header() {
        let long = format!("{}@example.org", "a".repeat(250));
        let bad = [
            "",
            "a",
            "@b.c",
            "a@",
            "a@b@c",
            "a b@c.d",
            "a@-b.c",
            "a..b@c.d",
            ".a@c.d",
            "a@c..d",
            "a@b.c\r\nBcc: x@y.z",
            "\"a b\"@c.d",
            "a@[127.0.0.1]",
            "ä@b.c",
            &long,
        ];
        for bad in bad {
            let error = email_address("user_email", bad).unwrap_err();
            assert_eq!(error.meta("argument"), Some("user_email"), "{bad:?}");
        }
    }

    #[test]
    fn an_unknown_quality_is_named_with_the_choices() {
        let error = pdf_quality("ultra").unwrap_err();

        assert!(error.message().contains("\"ultra\"") && error.message().contains("lossless"));
    }

    #[test]
    fn a_side_is_bounded_both_ways() {
        assert_eq!(max_side("max_width", 65_535).unwrap(), 65_535);
        assert!(max_side("max_width", 65_536).is_err());
        assert!(max_side("max_width", -1).is_err());
    }
}
