#![doc = include_str!("../docs/guide.md")]

#[doc = include_str!("../docs/first_service.md")]
pub mod first_service {}

#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[doc = include_str!("../docs/deadlines.md")]
pub mod deadlines {}

#[doc = include_str!("../docs/middleware.md")]
pub mod middleware {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
#[doc = include_str!("../docs/tls.md")]
pub mod tls {}

#[doc = include_str!("../docs/operating.md")]
pub mod operating {}

#[doc = include_str!("../docs/curl.md")]
pub mod curl {}

#[doc = include_str!("../docs/moving.md")]
pub mod moving {}
