//! Tests of OCPP 2.0.1: tables of good and odd payloads per action, round trips, random messages of the official schemas,
//! samples, what is refused to be sent.

mod payloads;
mod round_trips;
mod samples;
mod strictness;

use crate::json::{self, Json};

fn json(text: &str) -> Json<'_> {
    json::parse(text, 32).unwrap_or_else(|error| panic!("{text}: {error}"))
}
