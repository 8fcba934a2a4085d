//! The image service of the mcsv reference system
