//! Templates: how stations of a model are to be set, found out and made so after each boot (FIELD 4d 17).

use std::collections::BTreeMap;

use units::{StationId, Timestamp};

use super::attend::{ROUND_EVERY, in_words};
use super::{
    Arrival, Ask, Cause, Lost, SettingKey, SettingState, SettingsRow, Standing, Template, TemplateRow, Told,
    UpkeepRow, Verdict,
};
use crate::call::Priority;
use crate::csms::Csms;
use crate::wire;

/// So many settings has one template at most.
const SETTINGS_MAX: usize = 200;

/// The settings of a station on their way.
#[derive(Debug)]
pub(super) struct Round {
    /// What is left, the next one last.
    left: Vec<Meant>,
    /// The next one was asked for and told; what stood there.
    found: Option<String>,
    is_telling: bool,
    states: Vec<SettingState>,
}

/// One setting as a template wants it.
#[derive(Debug, Clone)]
struct Meant {
    key: SettingKey,
    value: String,
    template: String,
    is_asked: bool,
}

impl Csms {
    pub(super) fn put_template(&mut self, now: Timestamp, template: Template) -> Result<(), Vec<String>> {
        let problems = problems_of(&template);
        if !problems.is_empty() {
            return Err(problems);
        }
        let row = TemplateRow { template, changed_at: self.core.wall(now), is_removed: false };
        self.upkeep.templates.insert(row.template.id.clone(), row.clone());
        self.keep(UpkeepRow::Template(row.clone()));
        self.begin_rounds_of(now, &row.template);
        Ok(())
    }

    pub(super) fn remove_template(&mut self, now: Timestamp, id: &str) -> Result<(), String> {
        let row = self.upkeep.templates.remove(id).ok_or_else(|| format!("template {id} does not exist"))?;
        self.keep(UpkeepRow::Template(TemplateRow {
            is_removed: true,
            changed_at: self.core.wall(now),
            ..row.clone()
        }));
        self.begin_rounds_of(now, &row.template);
        Ok(())
    }

    /// What stations that are here and meant are to be may have changed.
    fn begin_rounds_of(&mut self, now: Timestamp, template: &Template) {
        let meant: Vec<StationId> = self
            .station_by_id
            .iter()
            .filter(|&(_, &place)| is_meant(template, &self.stations[place].row))
            .map(|(id, _)| id.clone())
            .collect();
        for station in meant.iter().filter(|station| self.is_reachable(station)).collect::<Vec<_>>() {
            self.begin_round(now, station);
        }
    }

    pub(super) fn arrived_for_settings(&mut self, now: Timestamp, station: &StationId, arrival: Arrival) {
        self.upkeep.rounds.remove(station);
        let checked_at = self.upkeep.settings.get(station).map(|row| row.checked_at);
        let is_due = checked_at.is_none_or(|at| at + ROUND_EVERY <= self.core.wall(now));
        if arrival == Arrival::WithBoot || is_due {
            self.begin_round(now, station);
        }
    }

    /// Goes through the settings of a station, unless it is being done.
    pub(super) fn begin_round(&mut self, now: Timestamp, station: &StationId) {
        if self.upkeep.rounds.contains_key(station) {
            return;
        }
        let mut left = self.meant_for(station);
        if left.is_empty() && self.upkeep.settings.get(station).is_none_or(|row| row.settings.is_empty()) {
            return;
        }
        left.reverse();
        let round = Round { left, found: None, is_telling: false, states: Vec::new() };
        self.upkeep.rounds.insert(station.clone(), round);
        self.step_round(now, station);
    }

    /// What templates want of a station, in the words of its version.
    fn meant_for(&self, station: &StationId) -> Vec<Meant> {
        let Some(&place) = self.station_by_id.get(station) else { return Vec::new() };
        let station = &self.stations[place];
        let is_of_version = |key: &SettingKey| match (station.version(), key) {
            (ocpp::Version::V16, SettingKey::Key { .. }) => true,
            (ocpp::Version::V201 | ocpp::Version::V21, SettingKey::Variable { .. }) => true,
            (ocpp::Version::V16, SettingKey::Variable { .. })
            | (ocpp::Version::V201 | ocpp::Version::V21, SettingKey::Key { .. }) => false,
        };
        let mut meant: BTreeMap<&SettingKey, Meant> = BTreeMap::new();
        for TemplateRow { template, .. } in self.upkeep.templates.values() {
            if !is_meant(template, &station.row) {
                continue;
            }
            for wanted in template.settings.iter().filter(|wanted| is_of_version(&wanted.key)) {
                meant.insert(
                    &wanted.key,
                    Meant {
                        key: wanted.key.clone(),
                        value: wanted.value.clone(),
                        template: template.id.clone(),
                        is_asked: template.is_asked,
                    },
                );
            }
        }
        meant.into_values().collect()
    }

    fn step_round(&mut self, now: Timestamp, station: &StationId) {
        let Some(round) = self.upkeep.rounds.get_mut(station) else { return };
        let Some(next) = round.left.last() else { return self.end_round(now, station) };
        let ask = if next.is_asked && !round.is_telling {
            Ask::Get(next.key.clone())
        } else {
            round.is_telling = true;
            Ask::Set(next.key.clone(), next.value.clone())
        };
        self.ask_for(now, station, Priority::Housekeeping, ask, Cause::Setting);
    }

    pub(super) fn setting_answered(&mut self, now: Timestamp, station: &StationId, end: Result<Told, Lost>) {
        let is_here = self.is_reachable(station);
        let Some(round) = self.upkeep.rounds.get_mut(station) else { return };
        // Its return begins anew.
        if end.is_err() && !is_here {
            self.upkeep.rounds.remove(station);
            return;
        }
        let Some(next) = round.left.last().cloned() else { return };
        if round.is_telling {
            let standing = end.as_ref().map_or(Standing::Unanswered, Standing::of);
            let what = format!("set {} = {}", next.key, next.value);
            let actor = format!("template {}", next.template);
            let word = in_words(&end);
            self.setting_ended(now, station, standing, &word);
            self.note(now, station, &actor, what, word);
        } else {
            match end {
                Err(_) => self.setting_ended(now, station, Standing::Unanswered, &in_words(&end)),
                Ok(told) => {
                    let is_so = told.value.as_deref().is_some_and(|value| is_same(value, &next.value));
                    round.found.clone_from(&told.value);
                    match told.verdict {
                        _ if is_so => self.setting_ended(now, station, Standing::Holds, ""),
                        Verdict::NotSupported | Verdict::ReadOnly => {
                            self.setting_ended(now, station, Standing::of(&told), &told.word);
                        }
                        // What it does not show it may take all the same.
                        Verdict::Done
                        | Verdict::Scheduled
                        | Verdict::RebootRequired
                        | Verdict::Mismatch
                        | Verdict::Refused => round.is_telling = true,
                    }
                }
            }
        }
        self.step_round(now, station);
    }

    fn setting_ended(&mut self, now: Timestamp, station: &StationId, standing: Standing, word: &str) {
        let before = self.upkeep.settings.get(station);
        let Some(round) = self.upkeep.rounds.get_mut(station) else { return };
        let Some(meant) = round.left.pop() else { return };
        let before = before.and_then(|row| row.settings.iter().find(|state| state.key == meant.key));
        let found = round.found.take();
        // It had it, and has it no more: somebody, or a boot, changed it.
        let held = before.is_some_and(|before| before.standing.is_taken() && before.wanted == meant.value);
        let is_otherwise = found.as_deref().is_some_and(|found| !is_same(found, &meant.value));
        let has_drifted = held && is_otherwise;
        let drifts = before.map_or(0, |before| before.drifts).saturating_add(u32::from(has_drifted));
        let found_before = found.clone();
        round.is_telling = false;
        round.states.push(SettingState {
            key: meant.key.clone(),
            wanted: meant.value,
            template: meant.template.clone(),
            found,
            standing,
            word: word.chars().take(200).collect(),
            drifts,
        });
        if has_drifted {
            let actor = format!("template {}", meant.template);
            let what = format!("look at {}", meant.key);
            let found = found_before.unwrap_or_default();
            self.note(now, station, &actor, what, format!("drifted: found {found}"));
        }
    }

    fn end_round(&mut self, now: Timestamp, station: &StationId) {
        let Some(round) = self.upkeep.rounds.remove(station) else { return };
        let checked_at = self.core.wall(now);
        let row = SettingsRow {
            station: station.clone(),
            checked_at,
            needs_reboot: round.states.iter().any(|state| state.standing == Standing::HoldsAfterReboot),
            settings: round.states,
        };
        self.upkeep.rounds_due.retain(|(_, of)| of != station);
        if !row.settings.is_empty() {
            self.upkeep.rounds_due.insert((checked_at + ROUND_EVERY, station.clone()));
        }
        self.upkeep.settings.insert(station.clone(), row.clone());
        self.keep(UpkeepRow::Settings(row));
    }
}

fn is_meant(template: &Template, row: &crate::record::StationRow) -> bool {
    template.vendor.matches(&row.vendor)
        && template.model.matches(&row.model)
        && template.firmware.matches(&row.firmware)
}

/// Stations write lists with or without blanks, and words in any case.
fn is_same(found: &str, wanted: &str) -> bool {
    let parts =
        |text: &str| -> Vec<String> { text.split(',').map(|part| part.trim().to_lowercase()).collect() };
    parts(found) == parts(wanted)
}

/// Every mistake of a template.
fn problems_of(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if template.id.is_empty() || template.id.len() > 48 || !template.id.chars().all(is_plain) {
        problems.push(format!(
            "`{}` is no name of a template: use up to 48 letters, digits, hyphens, underscores and dots",
            template.id.chars().take(60).collect::<String>()
        ));
    }
    if template.settings.is_empty() || template.settings.len() > SETTINGS_MAX {
        problems
            .push(format!("a template has 1 to {SETTINGS_MAX} settings, not {}", template.settings.len()));
    }
    for wanted in &template.settings {
        let key = &wanted.key;
        let name = key.to_string();
        let (parts, value_max) = match key {
            SettingKey::Key { key } => (vec![key], 500),
            SettingKey::Variable { component, variable, instance, .. } => {
                (vec![component, variable].into_iter().chain(instance).collect(), 1_000)
            }
        };
        if parts.iter().any(|part| part.is_empty() || part.chars().count() > 50) {
            problems.push(format!("`{name}` is no name of a setting: each part has 1 to 50 characters"));
        }
        if wanted.value.chars().count() > value_max {
            problems.push(format!("the value of {name} is longer than {value_max} characters"));
        }
        // S1: what bears limits is control's.
        problems.extend(
            wire::reason_against_setting(&name).map(|reason| format!("S1: the setting {name} {reason}")),
        );
        if ocpp::is_secret_key(&name) {
            problems.push(format!(
                "{name} is a secret, and would stand in every list of settings: set it by a call"
            ));
        }
        if template.settings.iter().filter(|other| other.key == *key).count() > 1 {
            problems.push(format!("{name} stands there twice"));
        }
    }
    problems.dedup();
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_whatever_their_case_and_blanks() {
        for (found, wanted, same) in [
            ("True", "true", true),
            ("A, B", "A,B", true),
            ("B,A", "A,B", false),
            ("60", "60.0", false),
            ("", "", true),
        ] {
            assert_eq!(is_same(found, wanted), same, "{found} {wanted}");
        }
    }

    #[test]
    fn a_template_is_refused_with_all_its_mistakes() {
        let text = r#"{"id":"a b","settings":[
            {"key":"MaxChargingCurrent","value":"32"},
            {"component":"SmartChargingCtrlr","variable":"LimitChangeSignificance","value":"1"},
            {"key":"AuthorizationKey","value":"secret"},
            {"key":"","value":""},
            {"key":"HeartbeatInterval","value":"60"},
            {"key":"HeartbeatInterval","value":"90"}]}"#;
        let template: Template = serde_json::from_str(text).unwrap();
        let problems = problems_of(&template).join("\n");
        for part in [
            "`a b` is no name",
            "S1: the setting MaxChargingCurrent bears limits",
            "S1: the setting SmartChargingCtrlr.LimitChangeSignificance bears limits",
            "AuthorizationKey is a secret",
            "`` is no name of a setting",
            "HeartbeatInterval stands there twice",
        ] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
    }
}
