//! What happens when a job's turn comes: one file per kind.

mod callback;
mod convert_image;
mod email;
mod notify_user;
mod storage_cleanup;

pub(crate) use callback::callback;
pub(crate) use convert_image::convert_image;
pub(crate) use email::email;
pub(crate) use notify_user::notify_user;
pub(crate) use storage_cleanup::storage_cleanup;
