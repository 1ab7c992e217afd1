//! The metrics that assertions, gates and reports speak of.
