mod address;
mod fetched;
mod fetcher;
mod get;
mod guarded_resolver;
mod origin;
mod policy;
mod put;
mod refusal;
mod transport_error;

pub use fetched::{Fetched, FetchedStream};
pub use fetcher::Fetcher;
pub use get::FetchGet;
pub use policy::FetchPolicy;
pub use put::FetchPut;
