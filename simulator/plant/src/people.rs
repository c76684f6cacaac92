//! People: when cars come, when they go, what they want.
