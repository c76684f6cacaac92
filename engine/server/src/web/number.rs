//! Figures as a page prints them, in the language of its reader.

use units::civil::Civil;
use units::{Amperes, Money, WattHours};

use super::words::{Language, fill};

/// `10.4`: tenths of an ampere, rounded half up.
pub fn tenths(current: Amperes, language: Language) -> String {
    let tenths = (current.milliamperes() + 50).div_euclid(100);
    let sign = if tenths < 0 { "−" } else { "" };
    let point = language.decimal_point();
    format!("{sign}{}{point}{}", tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10)
}

/// `63`: whole amperes, rounded half up.
pub fn whole(current: Amperes) -> String {
    (current.milliamperes() + 500).div_euclid(1_000).to_string()
}

/// `63`: whole amperes, rounded down: no more is said to be free than is.
pub fn whole_floor(current: Amperes) -> String {
    current.milliamperes().div_euclid(1_000).to_string()
}

/// `12.3`: tenths of a kWh, rounded down, so that nothing is shown that was not delivered.
pub fn kilowatt_hours(energy: WattHours, language: Language) -> String {
    let tenths = energy.milliwatt_hours() / 100_000;
    format!("{}{}{}", tenths / 10, language.decimal_point(), (tenths % 10).abs())
}

/// `12.40 €`, and `0.00 €` for nothing.
pub fn euros(amounts: &[Money], language: Language) -> String {
    let print = |money: &Money| money.to_string().replace("EUR", "€");
    let text = match amounts {
        [] => "0.00 €".to_owned(),
        amounts => amounts.iter().map(print).collect::<Vec<_>>().join(" + "),
    };
    text.replace('.', &language.decimal_point().to_string())
}

/// `18:05`.
pub fn time_of_day(civil: &Civil) -> String {
    format!("{:02}:{:02}", civil.hour, civil.minute)
}

/// `Friday 16 January 2026`.
pub fn date(civil: &Civil, language: Language) -> String {
    let words = language.words();
    let weekday = usize::try_from(civil.weekday).ok().and_then(|place| words.weekdays.get(place));
    let month = usize::try_from(civil.date.month - 1).ok().and_then(|place| words.months.get(place));
    let year = civil.date.year.to_string();
    let date = fill(words.date, &[&civil.date.day.to_string(), month.unwrap_or(&""), &year]);
    format!("{} {date}", weekday.unwrap_or(&""))
}

/// Thousandths of `whole` that `part` is, rounded down; 0 for nothing of nothing.
pub fn per_mille(part: Amperes, whole: Amperes) -> i64 {
    (part.milliamperes().max(0) * 1_000).checked_div(whole.milliamperes()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use units::Timestamp;
    use units::civil::Zone;

    use super::*;

    #[test]
    fn figures_round_as_stated() {
        let english = Language::English;
        assert_eq!(tenths(Amperes::from_milliamperes(10_350), english), "10.4");
        assert_eq!(tenths(Amperes::from_milliamperes(-1_050), english), "−1.0");
        assert_eq!(whole(Amperes::from_milliamperes(62_500)), "63");
        assert_eq!(whole_floor(Amperes::from_milliamperes(62_999)), "62");
        assert_eq!(kilowatt_hours(WattHours::from_milliwatt_hours(12_399_999), english), "12.3");
        assert_eq!(per_mille(Amperes::from_amperes(63), Amperes::from_amperes(63)), 1_000);
        assert_eq!(per_mille(Amperes::from_amperes(1), Amperes::ZERO), 0);
    }

    #[test]
    fn figures_are_printed_as_the_language_does() {
        let finnish = Language::Finnish;
        assert_eq!(tenths(Amperes::from_milliamperes(10_350), finnish), "10,4");
        assert_eq!(euros(&[], finnish), "0,00 €");
        let at: Timestamp = "2026-01-16T15:30:00Z".parse().unwrap();
        let civil = "Europe/Helsinki".parse::<Zone>().unwrap().civil(at);
        assert_eq!(time_of_day(&civil), "17:30");
        assert_eq!(date(&civil, Language::English), "Friday 16 January 2026");
        assert_eq!(date(&civil, finnish), "perjantai 16. tammikuuta 2026");
    }
}
