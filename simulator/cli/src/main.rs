//! The twin.
fn main() {}
