#[cfg_attr(not(feature = "s3"), allow(dead_code, reason = "only the feature s3 opens a bucket"))]
mod account;
#[cfg_attr(not(feature = "s3"), allow(dead_code, reason = "only the feature s3 opens a bucket"))]
mod amz_date;
#[cfg(feature = "s3")]
mod authorize;
mod base_url;
#[cfg_attr(not(feature = "s3"), allow(dead_code, reason = "only the feature s3 opens a bucket"))]
mod bucket;
mod claims;
#[cfg_attr(not(feature = "s3"), allow(dead_code, reason = "only the feature s3 opens a bucket"))]
mod day_key;
mod keys;
mod presign_get;
mod presign_put;
mod read_url;
mod signed_request;
mod signer;
#[cfg_attr(not(feature = "s3"), allow(dead_code, reason = "only the feature s3 opens a bucket"))]
mod sigv4;
mod token;

pub use keys::SigningKeys;
pub use presign_get::PresignGet;
pub use presign_put::PresignPut;
pub use signed_request::SignedRequest;
pub use signer::Signer;

#[cfg(feature = "s3")]
pub(crate) use account::{Access, Account, Ask};
#[cfg(feature = "s3")]
pub(crate) use amz_date::AmzDate;
#[cfg(feature = "fetch")]
pub(crate) use base_url::BaseUrl;
pub(crate) use bucket::Bucket;
#[cfg(feature = "s3")]
pub(crate) use bucket::{Addressing, BucketUrl};
pub(crate) use claims::{Claims, Purpose};
#[cfg(feature = "s3")]
pub(crate) use day_key::LastDayKey;
pub(crate) use sigv4::encode;
