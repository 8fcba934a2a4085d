//! The few words that the mcsv crates share: errors, trace context, deadlines, shutdown
