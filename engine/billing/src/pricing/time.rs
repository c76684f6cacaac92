//! TIME and PARKING_TIME.
//!
//! TIME counts while energy flows. PARKING_TIME counts only while the EV declines an offer: never while the EVSE offered
//! less than the pilot minimum, was faulted or offline (M8), nor in the first `grace` of declining since it last charged,
//! nor in the exempt part of the day. An hour for which the tariff names no price is free.

use units::{PreciseAmount, TimeSpan, Timestamp, UnitPrice};

use super::{PricedComponent, Quantity};
use crate::cdr::{Activity, ActivitySpan};
use crate::finding::Billable;
use crate::tariff::{ComponentKind, Tariff};

/// What is charged for time: one component per kind and price, in order of their first instant. Their exact amounts
/// respect the cap.
pub(super) fn components(billable: &Billable<'_>, tariff: &Tariff) -> Vec<PricedComponent> {
    let mut components: Vec<PricedComponent> = Vec::new();
    let mut cap_left = tariff.parts().parking.cap.map(PreciseAmount::from_money);
    for Counted { kind, from, until } in counted(billable, tariff) {
        let zone = &billable.cdr.zone;
        let mut from = from;
        let ends = tariff.boundaries(zone, from, until).into_iter().chain([until]);
        for until in ends {
            let (span, civil) = (until.since(from), zone.civil(from));
            from = until;
            let is_exempt = kind == ComponentKind::ParkingTime && tariff.parts().parking.exempts(&civil);
            let Some(price) = tariff.price_at(kind, &civil).filter(|_| !is_exempt) else { continue };
            add(&mut components, kind, price, span, &mut cap_left);
        }
    }
    components
}

fn add(
    components: &mut Vec<PricedComponent>,
    kind: ComponentKind,
    price: UnitPrice,
    span: TimeSpan,
    cap_left: &mut Option<PreciseAmount>,
) {
    let mut exact = price.per_hour(span);
    if let (ComponentKind::ParkingTime, Some(left)) = (kind, cap_left) {
        exact = exact.min(*left);
        *left = *left - exact;
    }
    let same = |component: &&mut PricedComponent| {
        component.price == price
            && matches!(
                (kind, component.quantity),
                (ComponentKind::Time, Quantity::Time(_)) | (ComponentKind::ParkingTime, Quantity::Parking(_))
            )
    };
    match components.iter_mut().find(same) {
        Some(component) => {
            component.exact += exact;
            match &mut component.quantity {
                Quantity::Time(sum) | Quantity::Parking(sum) => *sum = *sum + span,
                Quantity::Energy(_) | Quantity::Session => {}
            }
        }
        None => {
            let quantity =
                if kind == ComponentKind::Time { Quantity::Time(span) } else { Quantity::Parking(span) };
            components.push(PricedComponent { quantity, price, exact, is_estimated: false });
        }
    }
}

/// A stretch that counts as TIME or PARKING_TIME.
struct Counted {
    kind: ComponentKind,
    from: Timestamp,
    until: Timestamp,
}

/// What counts between the begin and the end register. What went on before the begin counts for the grace only.
fn counted(billable: &Billable<'_>, tariff: &Tariff) -> Vec<Counted> {
    let (begin, end) = (billable.curve.begin().at, billable.curve.end().at);
    let grace = tariff.parts().parking.grace;
    let mut spared = grace;
    let mut counted = Vec::new();
    for (span, until) in spans(&billable.cdr.activity, end) {
        let (kind, from) = match span.activity {
            Activity::Charging => {
                spared = grace;
                (ComponentKind::Time, span.from)
            }
            Activity::NotOffered => continue,
            Activity::Declined => {
                let free = spared.min(until.since(span.from));
                spared = spared - free;
                (ComponentKind::ParkingTime, span.from + free)
            }
        };
        let from = from.max(begin);
        if from < until {
            counted.push(Counted { kind, from, until });
        }
    }
    counted
}

/// The spans that begin before `end`, each with the instant at which it is over.
fn spans(activity: &[ActivitySpan], end: Timestamp) -> impl Iterator<Item = (ActivitySpan, Timestamp)> {
    let ends = activity.iter().skip(1).map(|next| next.from).chain([end]);
    activity
        .iter()
        .zip(ends)
        .map(move |(&span, until)| (span, until.min(end)))
        .filter(|(span, until)| span.from < *until)
}
