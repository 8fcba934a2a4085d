#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod content_type;
mod error;
#[cfg(feature = "fetch")]
mod fetch;
mod file_facts;
mod file_reader;
mod file_writer;
mod folder;
mod gather;
mod get;
mod list;
mod local_upload;
mod location;
mod object_copy;
mod object_key;
mod object_meta;
mod observe;
mod put;
mod put_body;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "s3")]
mod s3_role;
#[cfg(feature = "s3")]
mod s3_sweep;
mod serve;
mod sign;
mod sniff;
mod store;
mod sweep;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(any(feature = "fetch", feature = "s3"))]
mod tls;
mod upload;
#[cfg(feature = "s3")]
mod upload_list;

pub use error::{Error, ErrorKind, Result};
#[cfg(feature = "fetch")]
pub use fetch::{FetchGet, FetchPolicy, FetchPut, Fetched, FetchedStream, Fetcher};
pub use get::{Get, Object, ObjectStream};
pub use list::{List, Page, PageToken};
pub use object_copy::ObjectCopy;
pub use object_key::ObjectKey;
pub use object_meta::ObjectMeta;
pub use put::Put;
pub use put_body::PutBody;
pub use serve::{StorageBody, StorageService};
pub use sign::{PresignGet, PresignPut, SignedRequest, Signer, SigningKeys};
pub use store::Store;
