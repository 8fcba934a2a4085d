//! What can be asked of the queue. The arguments are written for people who look at the table.

mod callback;
mod convert_image;
mod email;
mod notify_user;
mod storage_cleanup;

use std::time::Duration;

use mcsv_core::Backoff;
use mcsv_jobs::Policy;

pub(crate) use callback::{Callback, CallbackKind};
pub(crate) use convert_image::ConvertImage;
pub(crate) use email::Email;
pub(crate) use notify_user::{ConversionEnded, NotifyUser};
pub(crate) use storage_cleanup::StorageCleanup;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A back-off of constants that are known to fit together.
fn backoff(first: Duration, max: Duration, factor: f64) -> Backoff {
    Backoff::exponential(first, max)
        .and_then(|backoff| backoff.with_factor(factor))
        .and_then(|backoff| backoff.with_jitter(0.2))
        // Only a constant of this folder could be out of range, and every one is tested below.
        .expect("the constants of the job kinds are in range")
}

/// What goes on for a day: 1 s, 2 s, 4 s, then every ten minutes.
fn for_a_day(timeout: Duration) -> Policy {
    Policy::default()
        .with_max_attempts(1_000)
        .with_give_up_after(DAY)
        .with_timeout(timeout)
        .with_backoff(backoff(Duration::from_secs(1), Duration::from_secs(600), 2.0))
}

#[cfg(test)]
mod tests {
    use mcsv_jobs::Job;

    use super::*;

    #[test]
    fn every_kind_has_a_policy_in_range() {
        let attempts = [
            Email::policy().max_attempts(),
            ConvertImage::policy().max_attempts(),
            NotifyUser::policy().max_attempts(),
            Callback::policy().max_attempts(),
            StorageCleanup::policy().max_attempts(),
        ];

        assert_eq!(attempts, [5, 3, 1_000, 1_000, 3]);
    }
}
