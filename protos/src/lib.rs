//! Messages, traits, servers and clients of the five reference services, generated from
//! `protos/mcsv/v1`.

/// The first version of the contracts.
pub mod v1 {
    #![allow(missing_docs, reason = "a message without a comment in its proto has none here")]
    mcsv_rpc::include_proto!("mcsv.v1");
}
