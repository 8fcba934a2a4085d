//! The conformance suite of a store.
