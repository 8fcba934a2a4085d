//! Reads, validates and prints the environment of a reference service
