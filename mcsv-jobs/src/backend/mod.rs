//! The queue as an apalis backend.

mod delivery;
mod driver;
mod ends;
mod held;
mod in_flight;
mod layer;
mod locked;
mod looks;
mod pace;
mod queue_backend;
mod rescue;
mod resent;
mod setback;
mod supervise;
mod telling;

pub use delivery::Delivery;
pub use layer::{AckLayer, AckService};
pub use queue_backend::{QueueBackend, QueueConfig};

pub(crate) use driver::Phase;
pub(crate) use ends::Ends;
pub(crate) use queue_backend::LEASE;
pub(crate) use supervise::{Supervisor, panic_text};
