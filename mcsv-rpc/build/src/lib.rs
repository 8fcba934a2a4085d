//! Code generator of mcsv-rpc: .proto in, server and client out, no protoc
