use mcsv_core::Error;

use super::never_sent::NeverSent;
use super::shared::Shared;

/// Where one call was sent so far, and whether it goes on from there at once.
#[derive(Default)]
pub(crate) struct Tried {
    endpoints: Vec<u64>,
    refused: bool,
}

impl Tried {
    pub(crate) fn endpoints(&self) -> &[u64] {
        &self.endpoints
    }

    pub(crate) fn add(&mut self, endpoint: u64) {
        self.endpoints.push(endpoint);
    }

    /// Whether the call that ended with `error` is to be sent again at once, whatever its method and
    /// its budget: no server has read it, and either another endpoint is there or the last one is,
    /// which may take it on a new connection.
    ///
    /// gRFC A6 calls that a transparent retry. There is one for each other endpoint, and one for a
    /// refusal.
    pub(crate) fn again(&mut self, channel: &Shared, error: &Error) -> bool {
        if !self.refused && NeverSent::is_refusal(error) {
            self.refused = true;
            // It is there, so that it is no worse than those that were not asked yet.
            self.endpoints.pop();
            return true;
        }
        let another =
            || channel.endpoints.as_ref().is_some_and(|all| all.has_another(self.endpoints()));
        NeverSent::is_in(error) && another()
    }
}
