//! What stations say of the rows: at which EVSE, with which registers, and when.

use std::collections::BTreeMap;

use units::{TimeSpan, Timestamp, WattHours};

use super::SessionRow;

/// The register of an EVSE before its first row: high enough that a negative row does not fall below zero.
const REGISTER_FIRST: WattHours = WattHours::from_watt_hours(1_000_000);
/// A stop whose time is not known is told after this long, or when the next begins at the EVSE.
const STOP_UNKNOWN_AFTER: TimeSpan = TimeSpan::from_hours(12);
/// An end that was printed before its start is told this long after it.
const STOP_ODD_AFTER: TimeSpan = TimeSpan::from_hours(1);

/// A row as a station tells it.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub line: usize,
    /// The EVSE, from 0.
    pub place: usize,
    pub user: String,
    /// What the start says; `None`: it names no time.
    pub start_claimed: Option<Timestamp>,
    pub stop_claimed: Option<Timestamp>,
    /// When energy ended, where that lies within.
    pub charge_end: Option<Timestamp>,
    /// When start and stop are sent.
    pub start_sent: Timestamp,
    pub stop_sent: Timestamp,
    pub register_start: WattHours,
    /// `None`: the stop bears no register.
    pub register_stop: Option<WattHours>,
    /// In whole watt-hours.
    pub energy: Option<WattHours>,
}

/// What is said at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Start,
    ChargeEnd,
    Stop,
}

/// Rows as stations tell them, in the order of the rows.
pub(super) fn tell(rows: &[SessionRow]) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::with_capacity(rows.len());
    let mut last = rows.iter().find_map(|row| row.arrival.or(row.departure)).unwrap_or(Timestamp::EPOCH);
    for row in rows {
        // A row without any time is told where it stands in the file.
        last = row.arrival.or(row.departure).unwrap_or(last);
        let energy = row.energy.map(whole);
        let stop_sent = match row.departure {
            Some(departure) if departure >= last => departure,
            Some(_) => last + STOP_ODD_AFTER,
            None => last + STOP_UNKNOWN_AFTER,
        };
        told.push(Told {
            line: row.line,
            place: 0,
            user: row.user.clone(),
            start_claimed: row.arrival,
            stop_claimed: row.departure,
            charge_end: row.charge_end.filter(|&at| last < at && at < stop_sent),
            start_sent: last,
            stop_sent,
            register_start: WattHours::ZERO,
            register_stop: None,
            energy,
        });
    }
    take_places(rows, &mut told);
    count_registers(&mut told);
    told
}

/// What is said, in order of time; of one instant, the ends of earlier rows come before starts.
pub(super) fn script(told: &[Told]) -> Vec<(Timestamp, Event, usize)> {
    let mut script = Vec::with_capacity(told.len() * 3);
    for (row, told) in told.iter().enumerate() {
        script.push((told.start_sent, Event::Start, row));
        script.extend(told.charge_end.map(|at| (at, Event::ChargeEnd, row)));
        script.push((told.stop_sent, Event::Stop, row));
    }
    let is_of_an_instant = |row: usize| told[row].start_sent == told[row].stop_sent;
    script.sort_by_key(|&(at, event, row)| {
        let is_earlier = event != Event::Start && !is_of_an_instant(row);
        (at, !is_earlier, if is_earlier { 0 } else { row }, event, row)
    });
    script
}

/// Gives every row its EVSE: its own, or where it names none, the first of its site that is free.
fn take_places(rows: &[SessionRow], told: &mut [Told]) {
    let mut order: Vec<usize> = (0..told.len()).collect();
    order.sort_by_key(|&row| (told[row].start_sent, row));
    let mut named: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    // Per site: places and when each is free.
    let mut unnamed: BTreeMap<&str, Vec<(usize, Timestamp)>> = BTreeMap::new();
    let mut count = 0;
    for row in order {
        let (site, evse) = (rows[row].site.as_str(), rows[row].evse.as_str());
        let mut new = || {
            count += 1;
            count - 1
        };
        told[row].place = if evse.is_empty() {
            let places = unnamed.entry(site).or_default();
            let (begin, end) = (told[row].start_sent, told[row].stop_sent);
            match places.iter_mut().find(|(_, free)| *free <= begin) {
                Some((place, free)) => {
                    *free = end;
                    *place
                }
                None => {
                    let place = new();
                    places.push((place, end));
                    place
                }
            }
        } else {
            *named.entry((site, evse)).or_insert_with(new)
        };
    }
}

fn count_registers(told: &mut [Told]) {
    let mut order: Vec<usize> = (0..told.len()).collect();
    order.sort_by_key(|&row| (told[row].place, told[row].start_sent, row));
    let mut registers: BTreeMap<usize, WattHours> = BTreeMap::new();
    let mut next: BTreeMap<usize, Timestamp> = BTreeMap::new();
    for &row in order.iter().rev() {
        let of = &mut told[row];
        // A stop without a time comes at the latest before the next start.
        if let (None, Some(&before)) = (of.stop_claimed, next.get(&of.place)) {
            of.stop_sent = of.stop_sent.min(before).max(of.start_sent);
            of.charge_end = of.charge_end.filter(|&at| at < of.stop_sent);
        }
        next.insert(of.place, of.start_sent);
    }
    for row in order {
        let of = &mut told[row];
        let register = registers.entry(of.place).or_insert(REGISTER_FIRST);
        of.register_start = *register;
        of.register_stop = of.energy.map(|energy| *register + energy);
        *register += of.energy.unwrap_or(WattHours::ZERO).max(WattHours::ZERO);
    }
}

/// To whole watt-hours, a half up.
fn whole(energy: WattHours) -> WattHours {
    (energy + WattHours::from_milliwatt_hours(500)).floor_to(WattHours::from_watt_hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: usize, evse: &str, arrival: &str, departure: &str, watt_hours: i64) -> SessionRow {
        SessionRow {
            line,
            site: "site".to_owned(),
            evse: evse.to_owned(),
            arrival: arrival.parse().ok(),
            departure: departure.parse().ok(),
            energy: Some(WattHours::from_watt_hours(watt_hours)),
            ..SessionRow::default()
        }
    }

    #[test]
    fn rows_without_an_evse_share_places_and_never_at_one_time() {
        let rows = [
            row(2, "", "2020-01-01T10:00:00Z", "2020-01-01T12:00:00Z", 1),
            row(3, "", "2020-01-01T11:00:00Z", "2020-01-01T13:00:00Z", 1),
            row(4, "", "2020-01-01T12:00:00Z", "2020-01-01T14:00:00Z", 1),
            row(5, "A", "2020-01-01T10:00:00Z", "2020-01-01T12:00:00Z", 1),
        ];
        let places: Vec<usize> = tell(&rows).iter().map(|told| told.place).collect();
        assert_eq!(places, [0, 2, 0, 1]);
    }

    #[test]
    fn registers_go_on_from_row_to_row_and_a_negative_row_does_not_turn_them_back() {
        let mut rows = vec![
            row(2, "A", "2020-01-01T12:00:00Z", "2020-01-01T13:00:00Z", -5),
            row(3, "A", "2020-01-01T10:00:00Z", "2020-01-01T11:00:00Z", 7),
            row(4, "A", "2020-01-01T14:00:00Z", "2020-01-01T15:00:00Z", 3),
        ];
        rows[2].energy = Some(WattHours::from_milliwatt_hours(2_500));
        let wh = WattHours::from_watt_hours;
        let registers: Vec<_> =
            tell(&rows).iter().map(|told| (told.register_start, told.register_stop)).collect();
        assert_eq!(
            registers,
            [
                (wh(1_000_007), Some(wh(1_000_002))),
                (wh(1_000_000), Some(wh(1_000_007))),
                (wh(1_000_007), Some(wh(1_000_010))),
            ]
        );
    }

    #[test]
    fn at_one_instant_what_ends_comes_before_what_begins_and_a_moments_stay_is_whole() {
        let rows = [
            row(2, "A", "2020-01-01T10:00:00Z", "2020-01-01T12:00:00Z", 1),
            row(3, "A", "2020-01-01T12:00:00Z", "2020-01-01T12:00:00Z", 0),
            row(4, "A", "2020-01-01T12:00:00Z", "", 1),
            row(5, "A", "2020-01-01T13:00:00Z", "2020-01-01T12:00:00Z", 1),
        ];
        let said: Vec<_> = script(&tell(&rows)).into_iter().map(|(_, event, row)| (event, row)).collect();
        use Event::{Start, Stop};
        let want =
            [(Start, 0), (Stop, 0), (Start, 1), (Stop, 1), (Start, 2), (Stop, 2), (Start, 3), (Stop, 3)];
        assert_eq!(said, want);
    }
}
