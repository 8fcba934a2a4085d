//! A tower protobuf RPC layer: one handler for Twirp, Connect and gRPC clients
