//! Figures and lists as a reader expects them.

use units::civil::Zone;
use units::{Money, TimeSpan, Timestamp, WattHours};

/// Kilowatt-hours with one decimal, rounded down.
pub fn kwh(energy: WattHours) -> String {
    let tenths = energy.milliwatt_hours() / 100_000;
    format!("{}.{} kWh", tenths / 10, tenths % 10)
}

/// `12.05 €`.
pub fn money(money: Money) -> String {
    money.to_string().replace("EUR", "€")
}

/// Day and time by the site's clocks: `Fri 16.1. 17:30`.
pub fn clock(instant: Timestamp, zone: &Zone) -> String {
    const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let civil = zone.civil(instant);
    let weekday = usize::try_from(civil.weekday).ok().and_then(|place| WEEKDAYS.get(place)).unwrap_or(&"");
    format!("{weekday} {}.{}. {:02}:{:02}", civil.date.day, civil.date.month, civil.hour, civil.minute)
}

/// `45 s`, `12 min`, `1 h 05 min`, `3 d 4 h`.
pub fn span(span: TimeSpan) -> String {
    let seconds = span.milliseconds() / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        ..120 => format!("{seconds} s"),
        120..3_600 => format!("{minutes} min"),
        3_600..172_800 => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A number with its noun.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(things: &[String]) -> String {
    match things {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// With its first letter upper case.
pub fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
