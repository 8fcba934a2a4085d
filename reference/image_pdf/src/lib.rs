//! PNG and JPEG to PDF, lossless where the format allows it
