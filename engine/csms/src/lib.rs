//! csms.
