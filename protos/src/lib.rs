//! Messages and services of the mcsv reference system, made from `mcsv/v1/*.proto`, and the rules
//! that their fields keep.

pub mod rules;

/// Version 1 of every contract.
pub mod v1 {
    mcsv_rpc::include_proto!("mcsv.v1");
}
