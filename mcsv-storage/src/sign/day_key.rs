use std::sync::{Mutex, PoisonError};

use crate::sign::sigv4::{Scope, SigningKey};

/// The signing key of the last day that was asked for: of one secret, region and service, it changes
/// once a day, and to derive it takes as long as all the rest of a signature.
#[derive(Default)]
pub(crate) struct DayKey(Mutex<Option<(String, SigningKey)>>);

impl DayKey {
    pub(crate) fn of(&self, scope: &Scope<'_>, secret: &str) -> SigningKey {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((day, key)) if day == scope.date().day() => key.clone(),
            _ => {
                let key = scope.signing_key(secret);
                *last = Some((scope.date().day().to_owned(), key.clone()));
                key
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::amz_date::AmzDate;

    #[test]
    fn each_day_has_a_key_of_its_own() {
        let key = DayKey::default();
        let sign = |day: u64| {
            let date = AmzDate::of(day * 86_400);
            let scope = Scope::new(&date, "us-east-1");
            let kept = scope.sign(key.of(&scope, "secret"), "request");
            assert_eq!(kept, scope.sign(scope.signing_key("secret"), "request"), "{day}");
            kept
        };
        let [first, again, next, back] = [1, 1, 2, 1].map(sign);
        assert_eq!([&first, &first], [&again, &back]);
        assert_ne!(first, next);
    }
}
