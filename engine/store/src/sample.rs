//! Sampled values packed as short JSON arrays: they are nine tenths of all rows.

use billing::cdr::{ReadingContext, RegisterReading};
use csms::record::MeterSample;
use serde::{Deserialize, Serialize};
use units::{Amperes, PerPhase, ReportedAt, Timestamp, WattHours, Watts};

/// `[at, register, [L1, L2, L3], offered, power]` in ms, mWh, mA, mA, mW, null where not given; the register is
/// `[at, register, context]`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Packed(
    Option<ReportedAt>,
    Option<(Timestamp, WattHours, ReadingContext)>,
    [Option<Amperes>; 3],
    Option<Amperes>,
    Option<Watts>,
);

pub(crate) fn pack(sample: &MeterSample) -> Packed {
    Packed(
        sample.at,
        sample.register.map(|read| (read.at, read.register, read.context)),
        [sample.current.l1, sample.current.l2, sample.current.l3],
        sample.offered,
        sample.power,
    )
}

pub(crate) fn unpack(packed: Packed) -> MeterSample {
    let Packed(at, register, [l1, l2, l3], offered, power) = packed;
    MeterSample {
        at,
        register: register.map(|(at, register, context)| RegisterReading { at, register, context }),
        current: PerPhase::new(l1, l2, l3),
        offered,
        power,
    }
}
