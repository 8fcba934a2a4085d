use crate::{Codec, Policy, Unique};

/// A kind of work: its arguments, its name, its queue and its policy.
///
/// ```
/// use mcsv_jobs::{Job, Json, Policy};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Resize {
///     image: String,
/// }
///
/// impl Job for Resize {
///     const KIND: &'static str = "resize";
///     const QUEUE: &'static str = "images";
///     type Codec = Json;
///
///     fn policy() -> Policy {
///         Policy::default().with_max_attempts(5)
///     }
///
///     // Asking twice for the same picture is one job, until that one has ended.
///     fn unique_key(&self) -> Option<String> {
///         Some(self.image.clone())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no job",
    note = "implement `mcsv_jobs::Job` for it: a KIND, a QUEUE and a Codec such as `Json`"
)]
pub trait Job: Sized + Send + 'static {
    /// The name under which the job is stored and its handler is found, 1 to 128 bytes of
    /// printable ASCII. It must never change while jobs of it are stored.
    const KIND: &'static str;

    /// The queue that it goes to, a name like [`KIND`](Self::KIND).
    const QUEUE: &'static str;

    /// How the arguments are stored: [`Json`](crate::Json), or your own.
    type Codec: Codec<Self>;

    /// How often it is tried, how long one attempt may take and how long it waits in between.
    #[must_use]
    fn policy() -> Policy {
        Policy::default()
    }

    /// What makes this job the same as another one of its kind, at most 512 bytes without a NUL.
    ///
    /// As long as a job of this kind and key is unfinished, or for as long as [`unique`](Self::unique)
    /// says, enqueuing another one answers with the first. The database holds it by a unique index, so
    /// there is no race.
    #[must_use]
    fn unique_key(&self) -> Option<String> {
        None
    }

    /// How long a unique key stands, and whether a job that waits takes anything over from the one that
    /// it keeps out.
    ///
    /// A kind's rule holds for the jobs that are enqueued with it: change it once every process has
    /// this version.
    #[must_use]
    fn unique() -> Unique {
        Unique::default()
    }

    /// With which other jobs of its queue this one shares the places of
    /// [`Limits::with_running_per_partition`](crate::Limits::with_running_per_partition), at most
    /// 512 bytes without a NUL: the customer whose work it is, or the host that it burdens.
    #[must_use]
    fn partition(&self) -> Option<String> {
        None
    }
}
