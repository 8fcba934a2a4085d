//! Tests of the generator's public interface.

mod checked_in;
mod errors;
