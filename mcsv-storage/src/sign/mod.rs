mod base_url;
mod claims;
mod keys;
mod presign_get;
mod presign_put;
mod signed_request;
mod signer;
mod token;

pub use keys::SigningKeys;
pub use presign_get::PresignGet;
pub use presign_put::PresignPut;
pub use signed_request::SignedRequest;
pub use signer::Signer;

pub(crate) use claims::{Claims, Purpose};
pub(crate) use signer::PARAMETER;
pub(crate) use token::verify;
