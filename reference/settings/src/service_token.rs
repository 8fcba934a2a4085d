use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use mcsv_core::{Error, Secret};

use crate::Settings;

/// What the services show each other, where `SERVICE_TOKEN` is set: a bearer token ([RFC 6750]).
///
/// Without the variable every caller passes, which suits one machine behind a firewall and nothing
/// else.
///
/// [RFC 6750]: https://www.rfc-editor.org/rfc/rfc6750
#[derive(Clone, Debug, Default)]
pub struct ServiceToken(Option<Secret<HeaderValue>>);

impl ServiceToken {
    /// Reads `SERVICE_TOKEN`: 16 to 512 visible ASCII characters.
    pub fn read(settings: &mut Settings) -> Self {
        let bearer =
            settings.secret("SERVICE_TOKEN", "16 to 512 visible ASCII characters", |text| {
                let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
                let sized = (16..=512).contains(&text.len());
                let mut value = HeaderValue::from_str(&format!("Bearer {text}")).ok()?;
                value.set_sensitive(true);
                (visible && sized).then_some(value)
            });
        ServiceToken(bearer.map(Secret::new))
    }

    /// The header that a call to another service carries.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        self.0.as_ref().map(|bearer| bearer.expose().clone())
    }

    /// Lets a call in that carries the token.
    ///
    /// # Errors
    ///
    /// `unauthenticated`: the header is missing or holds something else.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Error> {
        let Some(expected) = &self.0 else { return Ok(()) };
        let given = headers.get(AUTHORIZATION).map_or(&[][..], HeaderValue::as_bytes);
        if equal_in_constant_time(given, expected.expose().as_bytes()) {
            return Ok(());
        }
        Err(Error::unauthenticated(
            "this method is for the system's own services: send authorization: Bearer <SERVICE_TOKEN>",
        ))
    }
}

/// The time depends on the lengths alone, so that a token can't be guessed byte by byte.
fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y));
    a.len() == b.len() && std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn lets_in_only_the_token() {
        let mut settings = Settings::from_pairs([("SERVICE_TOKEN", "0123456789abcdef")]);
        let token = ServiceToken::read(&mut settings);
        settings.finish().unwrap();

        assert!(token.check(&headers("Bearer 0123456789abcdef")).is_ok());
        for wrong in ["Bearer 0123456789abcdeg", "Bearer ", "0123456789abcdef", ""] {
            assert!(token.check(&headers(wrong)).is_err(), "{wrong:?}");
        }
        assert!(token.check(&HeaderMap::new()).is_err());
    }

    #[test]
    fn lets_everyone_in_where_there_is_no_token() {
        assert!(ServiceToken::default().check(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn a_short_token_is_refused_and_not_repeated() {
        let mut settings = Settings::from_pairs([("SERVICE_TOKEN", "hunter2")]);
        let _ = ServiceToken::read(&mut settings);

        let error = settings.finish().unwrap_err().to_string();
        assert!(error.contains("SERVICE_TOKEN") && !error.contains("hunter2"), "{error}");
    }
}
