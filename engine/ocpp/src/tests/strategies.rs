//! Random values that messages of all versions are made of, and what each of them must satisfy.

use proptest::prelude::*;
use proptest::sample::select;
use units::{Amperes, TimeSpan, Timestamp, Watts};

use crate::StationTime;
use crate::frame::{self, Frame, Limits as FrameLimits};
use crate::schedule::{ChargingRate, ChargingSchedulePeriod, Limit, ScheduleLimits};

pub(crate) fn text(most: usize) -> impl Strategy<Value = String> {
    let odd = select(vec!['\n', '\t', '"', '\\', '\u{8}', '\u{1f}', 'ä', '€', '𝄞', '\u{7f}']);
    prop::collection::vec(prop_oneof![8 => prop::char::range(' ', '~'), 1 => odd], 1..=most)
        .prop_map(|characters| characters.into_iter().collect())
}

pub(crate) fn maybe_text(most: usize) -> impl Strategy<Value = Option<String>> {
    prop::option::of(text(most))
}

pub(crate) fn instant() -> impl Strategy<Value = StationTime> {
    (0_i64..4_102_444_800_000).prop_map(|count| Timestamp::from_milliseconds(count).into())
}

pub(crate) fn maybe_instant() -> impl Strategy<Value = StationTime> {
    prop_oneof![instant(), Just(StationTime::Absent)]
}

pub(crate) fn seconds() -> impl Strategy<Value = TimeSpan> {
    (0_i64..=i64::from(i32::MAX)).prop_map(TimeSpan::from_seconds)
}

fn periods<T: Limit + std::fmt::Debug>() -> impl Strategy<Value = Vec<ChargingSchedulePeriod<T>>> {
    let later = (1_i64..i64::from(i32::MAX), 0_i64..1_000_000, prop::option::of(1_u8..=3));
    (0_i64..1_000_000, prop::collection::vec(later, 0..5)).prop_map(|(first, mut later)| {
        later.sort_unstable_by_key(|(start, ..)| *start);
        later.dedup_by_key(|(start, ..)| *start);
        std::iter::once((0, first, None))
            .chain(later)
            .map(|(start, tenths, phases)| {
                let period =
                    ChargingSchedulePeriod::new(TimeSpan::from_seconds(start), T::from_tenths(tenths));
                match phases {
                    Some(phases) => period.with_number_phases(phases),
                    None => period,
                }
            })
            .collect()
    })
}

/// Limits with the lowest rate that makes sense, in either unit.
pub(crate) fn limits() -> impl Strategy<Value = (ScheduleLimits, Option<ChargingRate>)> {
    prop_oneof![
        (periods::<Amperes>(), prop::option::of(0_i64..900)).prop_map(|(periods, rate)| (
            ScheduleLimits::Amperes(periods),
            rate.map(|tenths| ChargingRate::Amperes(Amperes::from_tenths(tenths)))
        )),
        (periods::<Watts>(), prop::option::of(0_i64..900)).prop_map(|(periods, rate)| (
            ScheduleLimits::Watts(periods),
            rate.map(|tenths| ChargingRate::Watts(Watts::from_tenths(tenths)))
        )),
    ]
}

/// The frame of `text`, which serde_json must read too.
pub(crate) fn frame_of(text: &str) -> Frame<'_> {
    serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let decoded =
        frame::decode(text, &FrameLimits::default()).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(decoded.quirks, vec![], "{text}");
    decoded.value
}
