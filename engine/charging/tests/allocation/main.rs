//! Allocation against hand-computed tables, linear programs, naive references and simulated days.

mod exactness;
mod naive;
mod rules;
mod tables;
mod turns;
