//! Messages and services of the mcsv reference system
