//! Operations in columns.
