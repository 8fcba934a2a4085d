//! The metrics of calls: rate, errors, duration, and what is running.
//!
//! All labels are names in the code, so a stranger makes no series. A call allocates nothing for
//! them: each thread keeps the keys that it has used. The recorder is asked on every call, since it
//! may be another one on this thread.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Gauge, Key, Label, Level, Metadata, with_recorder};

use super::Side;
use crate::quick_map::QuickMap;
use crate::{Protocol, RpcMethod};

static METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// The label of a call that went well.
pub(crate) const OK: &str = "ok";
const UNKNOWN: &str = "unknown";

thread_local! {
    static KEYS: RefCell<QuickMap<Series, Arc<Keys>>> = RefCell::default();
}

/// One row of the metrics.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Series {
    side: Side,
    /// The address of a method's name, which is quicker to compare than the name.
    method: *const str,
    protocol: Protocol,
    /// The same of a code.
    code: *const str,
}

struct Keys {
    calls: Key,
    seconds: Key,
    in_flight: Key,
}

/// A call that is running, as the metrics see it.
pub(crate) struct Counted {
    side: Side,
    protocol: Protocol,
    method: &'static RpcMethod,
    in_flight: Gauge,
    /// The keys for the usual end, so that most calls look their keys up once.
    well: Arc<Keys>,
}

impl Counted {
    /// Counts a call that is starting.
    pub(crate) fn start(side: Side, protocol: Protocol, method: &'static RpcMethod) -> Self {
        let well = keys(side, protocol, method, OK);
        let in_flight =
            with_recorder(|recorder| recorder.register_gauge(&well.in_flight, &METADATA));
        in_flight.increment(1.0);
        Counted { side, protocol, method, in_flight, well }
    }

    /// Counts it as ended, with the label of its code.
    pub(crate) fn end(&self, code: &'static str, elapsed: Duration) {
        self.in_flight.decrement(1.0);
        let other;
        let keys = match code {
            OK => &self.well,
            code => {
                other = keys(self.side, self.protocol, self.method, code);
                &other
            }
        };
        with_recorder(|recorder| {
            recorder.register_counter(&keys.calls, &METADATA).increment(1);
            recorder.register_histogram(&keys.seconds, &METADATA).record(elapsed.as_secs_f64());
        });
    }
}

/// Counts a request that was refused before it became a call.
pub(crate) fn refused(protocol: Option<Protocol>, method: Option<&RpcMethod>, code: &'static str) {
    let labels = [
        ("service", method.map_or(UNKNOWN, RpcMethod::service)),
        ("method", method.map_or(UNKNOWN, RpcMethod::name)),
        ("protocol", protocol.map_or(UNKNOWN, Protocol::label)),
        ("code", code),
    ];
    metrics::counter!("rpc_server_calls_total", &labels).increment(1);
}

fn keys(
    side: Side,
    protocol: Protocol,
    method: &'static RpcMethod,
    code: &'static str,
) -> Arc<Keys> {
    let series = Series { side, method: method.full_name(), protocol, code };
    // Taken out, so that a recorder that makes calls itself finds the map free.
    KEYS.with_borrow_mut(|keys| {
        keys.entry(series)
            .or_insert_with(|| Arc::new(Keys::new(side, protocol, method, code)))
            .clone()
    })
}

impl Keys {
    fn new(side: Side, protocol: Protocol, method: &RpcMethod, code: &'static str) -> Self {
        let (calls, seconds, in_flight) = match side {
            Side::Server => (
                "rpc_server_calls_total",
                "rpc_server_call_duration_seconds",
                "rpc_server_calls_in_flight",
            ),
            Side::Client => (
                "rpc_client_calls_total",
                "rpc_client_call_duration_seconds",
                "rpc_client_calls_in_flight",
            ),
        };
        let mut labels = vec![
            Label::from_static_parts("service", method.service()),
            Label::from_static_parts("method", method.name()),
            Label::from_static_parts("protocol", protocol.label()),
        ];
        let in_flight = Key::from_parts(in_flight, labels.clone());
        labels.push(Label::from_static_parts("code", code));
        Keys {
            calls: Key::from_parts(calls, labels.clone()),
            seconds: Key::from_parts(seconds, labels),
            in_flight,
        }
    }
}
