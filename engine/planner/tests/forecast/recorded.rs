//! On what was recorded: buildings, stays and irradiance under `WATTERY_DATA`.

use std::io::Read;

use super::*;

/// Rows of a table under the directory of recorded data, by column; none, with a line that says so, where it is not there.
fn table(name: &str, what: &str) -> Option<Vec<Vec<String>>> {
    let Some(directory) = std::env::var_os("WATTERY_DATA") else {
        println!("skipped: {what}: WATTERY_DATA is not set");
        return None;
    };
    let path = std::path::Path::new(&directory).join(name);
    let Ok(file) = std::fs::File::open(&path) else {
        println!("skipped: {what}: {} is not there", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    Some(text.lines().skip(1).map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect())
}

/// `12.34` as 12 340.
fn thousandths(text: &str) -> Option<i64> {
    text.parse::<Amperes>().ok().map(Amperes::milliamperes)
}

#[test]
fn buildings_are_forecast_a_day_ahead_better_than_by_last_week() {
    let Some(rows) = table("building_load/cambridge_university_hourly.csv.gz", "base load of buildings")
    else {
        return;
    };
    let mut buildings: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    buildings.dedup();
    let mut better = 0;
    for building in &buildings {
        let zone = "Europe/London".parse::<Zone>().unwrap();
        let mut forecast = BaseForecast::new(zone, TimeSpan::from_hours(1));
        for row in rows.iter().filter(|row| row[0] == *building) {
            // A kW is some ampere; what counts is the share.
            let Some(value) = thousandths(&row[2]) else { continue };
            forecast.learn(row[1].parse().unwrap(), Amperes::from_milliamperes(value));
        }
        let track = forecast.track();
        let share = track.per_mille_of_naive().unwrap();
        println!(
            "{building}: off by {} W a day ahead over {} hours, {share} ‰ of last week's value",
            track.mean_thousandths(),
            track.count()
        );
        better += usize::from(share < 1_000);
    }
    assert!(better == buildings.len(), "{better} of {} buildings", buildings.len());
}

/// Stays of a table, in order of their ends, with whose they are.
fn recorded_stays(rows: &[Vec<String>]) -> Vec<(Option<AccountId>, Stay)> {
    let read = |row: &Vec<String>| {
        let instant = |place: usize| row.get(place).and_then(|text: &String| text.parse::<Timestamp>().ok());
        let energy = |place: usize| {
            let thousandths = row.get(place).and_then(|text| thousandths(text))?;
            Some(WattHours::from_watt_hours(thousandths)).filter(|energy| *energy > WattHours::ZERO)
        };
        let told = Wish { wanted: energy(11), departs_at: instant(12) };
        let (arrived, departed) = (instant(5)?, instant(6)?);
        let is_whole = row[10].is_empty() && departed > arrived;
        is_whole.then_some((row[3].parse().ok(), Stay { arrived, departed, energy: energy(8)?, told }))
    };
    let mut stays: Vec<_> = rows.iter().filter_map(read).collect();
    stays.sort_by_key(|(_, stay)| stay.departed);
    stays
}

fn learned(zone: &str, stays: &[(Option<AccountId>, Stay)]) -> StayForecast {
    let mut forecast = StayForecast::new(zone.parse().unwrap());
    for (account, stay) in stays {
        forecast.learn(account.as_ref(), stay);
    }
    forecast
}

#[test]
fn stays_of_flats_are_forecast_by_account_better_than_by_the_mean() {
    let Some(rows) = table("sessions/norway12_apartments.csv.gz", "stays in flats") else { return };
    let stays = recorded_stays(&rows);
    let forecast = learned("Europe/Oslo", &stays);
    let (energy, stay) = (forecast.energy_track(), forecast.stay_track());
    let [energy_share, stay_share] = [energy, stay].map(|track| track.per_mille_of_naive().unwrap());
    println!(
        "{} stays in flats: energy off by {} Wh, {energy_share} ‰ of the mean's; stay off by {} thousandths of an hour, \
         {stay_share} ‰",
        energy.count(),
        energy.mean_thousandths(),
        stay.mean_thousandths()
    );
    assert!(energy_share < 850 && stay_share < 950, "energy {energy_share} ‰, stay {stay_share} ‰");
}

#[test]
fn what_drivers_tell_is_worth_more_than_the_mean_and_less_than_they_say() {
    for (name, what) in [
        ("sessions/acn_caltech_evse.csv.gz", "requests of a campus"),
        ("sessions/acn_office001_userinputs.csv.gz", "requests of an office"),
    ] {
        let Some(rows) = table(name, what) else { return };
        let mut stays = recorded_stays(&rows);
        stays.retain(|(_, stay)| stay.told.wanted.is_some());
        let forecast = learned("America/Los_Angeles", &stays);
        let kwh = |energy: WattHours| energy.milliwatt_hours() / 1_000;
        let as_told: i64 =
            stays.iter().map(|(_, stay)| (kwh(stay.told.wanted.unwrap()) - kwh(stay.energy)).abs()).sum();
        let as_told = as_told / i64::try_from(stays.len()).unwrap();
        let (energy, stay) = (forecast.energy_track(), forecast.stay_track());
        let share = energy.per_mille_of_naive().unwrap();
        println!(
            "{what}: {} stays, energy off by {} Wh, {share} ‰ of the mean's, {as_told} Wh as told; stay {} ‰ of the mean's",
            energy.count(),
            energy.mean_thousandths(),
            stay.per_mille_of_naive().unwrap()
        );
        assert!(share < 1_000 && energy.mean_thousandths() < as_told, "{what}");
    }
}

#[test]
fn the_sun_over_stockholm_is_forecast_from_irradiance() {
    let Some(rows) = table("weather/stockholm_nsrdb_2019_15min.csv.gz", "irradiance") else { return };
    let mut forecast = SunForecast::new("Europe/Stockholm".parse::<Zone>().unwrap());
    for row in &rows {
        let (global, direct) = (thousandths(&row[1]).unwrap() / 1_000, thousandths(&row[2]).unwrap() / 1_000);
        // 10 kW of panels that saturate, and see a third of what comes straight.
        let made = (global * 9 + direct * 2).min(9_000);
        forecast.learn(row[0].parse().unwrap(), global, Watts::from_watts(made));
    }
    let track = forecast.track();
    let share = track.per_mille_of_naive().unwrap();
    println!("sun over Stockholm: off by {} W, {share} ‰ of the day before", track.mean_thousandths());
    assert!(share < 400, "{share} ‰");
}
