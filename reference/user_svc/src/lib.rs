//! The user service of the mcsv reference system
