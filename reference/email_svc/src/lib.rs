//! The email service of the mcsv reference system
