//! Traces, logs and metrics of a service in one line
