//! The metrics of calls: rate, errors, duration, and what is running.
//!
//! All labels are names in the code, so a stranger makes no series. What the process's recorder gives
//! for them is kept, since a look-up by labels costs more than all else that is done for a call.
//! Another recorder, which a test sets for its thread, is asked anew each time.

use std::cell::RefCell;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use mcsv_core::Code;
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, with_recorder};

use super::Side;
use super::recorder::is_of_process;
use crate::quick_map::{QuickHash, QuickMap};
use crate::{Protocol, RpcMethod};

static METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// The label of a call that went well.
pub(crate) const OK: &str = "ok";
const UNKNOWN: &str = "unknown";

const PROTOCOLS: usize = 3;
/// Every code, and none.
const ENDS: usize = Code::ALL.len() + 1;

/// The metrics of one method on one side.
pub(crate) struct Meter {
    side: Side,
    method: &'static RpcMethod,
    rows: [[OnceLock<Box<Row>>; ENDS]; PROTOCOLS],
}

/// Those of one protocol and one end.
struct Row {
    calls: Key,
    seconds: Key,
    in_flight: Key,
    kept: OnceLock<Handles>,
}

/// What the process's recorder gave for a row.
pub(crate) struct Handles {
    calls: Counter,
    seconds: Histogram,
    in_flight: Gauge,
}

/// A call that is running, as the metrics see it.
pub(crate) enum Counted {
    Kept(&'static Handles),
    /// From a recorder that may be gone at the next call.
    Other(Gauge),
}

impl Meter {
    /// That of `method`. There is one for each method in the code, and it stays.
    pub(crate) fn of(side: Side, method: &'static RpcMethod) -> &'static Meter {
        /// By the address of a method's name, which is quicker to compare than the name.
        type Meters = QuickMap<(Side, usize), &'static Meter>;
        static ALL: Mutex<Meters> = Mutex::new(QuickMap::with_hasher(QuickHash::new()));
        thread_local! {
            static USED: RefCell<Meters> = RefCell::default();
        }
        let new = || {
            let rows = Default::default();
            &*Box::leak(Box::new(Meter { side, method, rows }))
        };
        let shared = |key| {
            let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
            *all.entry(key).or_insert_with(new)
        };
        let key = (side, method.full_name().as_ptr().addr());
        USED.with_borrow_mut(|used| *used.entry(key).or_insert_with(|| shared(key)))
    }

    pub(crate) fn side(&self) -> Side {
        self.side
    }

    pub(crate) fn method(&self) -> &'static RpcMethod {
        self.method
    }

    /// Counts a call that is starting.
    pub(crate) fn start(&'static self, protocol: Protocol) -> Counted {
        let counted = with_recorder(|recorder| {
            let row = self.row(protocol, None);
            match row.kept(recorder) {
                Some(kept) => Counted::Kept(kept),
                None => Counted::Other(recorder.register_gauge(&row.in_flight, &METADATA)),
            }
        });
        counted.gauge().increment(1.0);
        counted
    }

    fn row(&self, protocol: Protocol, code: Option<Code>) -> &Row {
        let protocol_at = match protocol {
            Protocol::Twirp => 0,
            Protocol::Connect => 1,
            Protocol::Grpc => 2,
        };
        let known = |code| Code::ALL.iter().position(|known| *known == code).unwrap_or_default();
        let end = code.map_or(ENDS - 1, known);
        let new = || Box::new(Row::new(self.side, self.method, protocol, code));
        self.rows[protocol_at][end].get_or_init(new)
    }
}

impl Counted {
    fn gauge(&self) -> &Gauge {
        match self {
            Counted::Kept(kept) => &kept.in_flight,
            Counted::Other(gauge) => gauge,
        }
    }

    /// Counts the call of `meter` as ended, with its code where it did not go well.
    pub(crate) fn end(
        &self,
        meter: &Meter,
        protocol: Protocol,
        code: Option<Code>,
        elapsed: Duration,
    ) {
        self.gauge().decrement(1.0);
        match (self, code) {
            (Counted::Kept(kept), None) => kept.count(elapsed),
            _ => with_recorder(|recorder| meter.row(protocol, code).count(recorder, elapsed)),
        }
    }
}

impl Handles {
    fn count(&self, elapsed: Duration) {
        self.calls.increment(1);
        self.seconds.record(elapsed.as_secs_f64());
    }
}

impl Row {
    fn new(side: Side, method: &RpcMethod, protocol: Protocol, code: Option<Code>) -> Self {
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
        labels.push(Label::from_static_parts("code", code.map_or(OK, Code::as_str)));
        Row {
            calls: Key::from_parts(calls, labels.clone()),
            seconds: Key::from_parts(seconds, labels),
            in_flight,
            kept: OnceLock::new(),
        }
    }

    /// The handles, where `recorder` is there for ever.
    fn kept(&self, recorder: &dyn Recorder) -> Option<&Handles> {
        let register = || Handles {
            calls: recorder.register_counter(&self.calls, &METADATA),
            seconds: recorder.register_histogram(&self.seconds, &METADATA),
            in_flight: recorder.register_gauge(&self.in_flight, &METADATA),
        };
        is_of_process(recorder).then(|| self.kept.get_or_init(register))
    }

    fn count(&self, recorder: &dyn Recorder, elapsed: Duration) {
        if let Some(kept) = self.kept(recorder) {
            return kept.count(elapsed);
        }
        recorder.register_counter(&self.calls, &METADATA).increment(1);
        recorder.register_histogram(&self.seconds, &METADATA).record(elapsed.as_secs_f64());
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
