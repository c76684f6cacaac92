//! charging.
