//! End-to-end and attack tests live in `tests/`; this library is empty on purpose.

#![forbid(unsafe_code)]
