//! Rules that need the whole chain, from a sealed CDR to a settlement.

mod pricing;
mod random_months;
mod samples;
mod worked_month;
