//! The client service of the mcsv reference system
