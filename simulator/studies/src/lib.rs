//! studies.
