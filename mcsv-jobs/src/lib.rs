//! A trace-propagating job queue for apalis workers, on SQLite by default
