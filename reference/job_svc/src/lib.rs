//! The job service of the mcsv reference system
