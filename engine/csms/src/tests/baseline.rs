//! How stations are set: read, put right, read again; and what is shown of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::baseline::{Setting, SettingRow, SettingState};
use crate::contract::Version;
use crate::facts::Fact;
use crate::findings::StationFinding;
use crate::query::{Query, QueryAnswer, StationDetail};
use crate::tests::{BOOT, BOOT_201, House, message_id};

/// A station's settings, by the names of its version.
struct SimSettings {
    values: BTreeMap<String, String>,
    read_only: Vec<&'static str>,
    /// Of the settings asked for, so many are told at once.
    tells: usize,
    /// A value that is accepted is not kept.
    forgets: bool,
}

impl SimSettings {
    fn of(values: &[(&str, &str)]) -> Self {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { values, read_only: Vec::new(), tells: usize::MAX, forgets: false }
    }

    /// As it comes from a factory that knows nothing of us.
    fn factory_16() -> Self {
        Self::of(&[
            ("ChargingScheduleAllowedChargingRateUnit", "Current"),
            ("ChargeProfileMaxStackLevel", "10"),
            ("ChargingScheduleMaxPeriods", "24"),
            ("MaxChargingProfilesInstalled", "8"),
            ("SupportedFeatureProfiles", "Core,SmartCharging"),
            ("MeterValueSampleInterval", "900"),
            ("MeterValuesSampledData", "Energy.Active.Import.Register"),
            ("WebSocketPingInterval", "0"),
            ("LocalPreAuthorize", "true"),
            ("LocalAuthorizeOffline", "true"),
            ("AllowOfflineTxForUnknownId", "true"),
            ("StopTransactionOnInvalidId", "false"),
        ])
    }

    /// Answers our calls until there is none left; those that read or change settings.
    fn serve(&mut self, house: &mut House) -> Vec<String> {
        let mut served = Vec::new();
        loop {
            let calls = house.calls_to("CP1");
            if calls.is_empty() {
                return served;
            }
            for text in calls {
                let call: Value = serde_json::from_str(&text).unwrap();
                let answer = self.answer(&call);
                house.frame("CP1", &format!(r#"[3,"{}",{answer}]"#, message_id(&text)));
                if call[2] != "SetChargingProfile" && call[2] != "TriggerMessage" {
                    served.push(format!("{} {}", call[2].as_str().unwrap(), call[3]));
                }
            }
        }
    }

    fn answer(&mut self, call: &Value) -> Value {
        match call[2].as_str().unwrap() {
            "GetConfiguration" => {
                let keys = call[3]["key"].as_array().unwrap().iter().map(|key| key.as_str().unwrap());
                let (mut told, mut unknown) = (Vec::new(), Vec::new());
                for key in keys.take(self.tells) {
                    match self.values.get(key) {
                        Some(value) => told.push(
                            json!({"key": key, "readonly": self.read_only.contains(&key), "value": value}),
                        ),
                        None => unknown.push(key),
                    }
                }
                json!({"configurationKey": told, "unknownKey": unknown})
            }
            "ChangeConfiguration" => {
                let (key, value) = (&call[3]["key"], &call[3]["value"]);
                let status = self.change(key.as_str().unwrap(), value.as_str().unwrap());
                json!({"status": if status == "UnknownVariable" { "NotSupported" } else { status }})
            }
            "GetVariables" => {
                let places = call[3]["getVariableData"].as_array().unwrap();
                let told = places.iter().take(self.tells).map(|place| {
                    let mut told = place.clone();
                    match self.values.get(&name_of(place)) {
                        Some(value) => {
                            told["attributeStatus"] = "Accepted".into();
                            told["attributeValue"] = value.clone().into();
                        }
                        None => told["attributeStatus"] = "UnknownVariable".into(),
                    }
                    told
                });
                json!({"getVariableResult": told.collect::<Vec<_>>()})
            }
            "SetVariables" => {
                let mut results = Vec::new();
                for set in call[3]["setVariableData"].as_array().unwrap() {
                    let status = self.change(&name_of(set), set["attributeValue"].as_str().unwrap());
                    results.push(json!({
                        "attributeStatus": status, "component": set["component"], "variable": set["variable"],
                    }));
                }
                json!({"setVariableResult": results})
            }
            _ => json!({"status": "Accepted"}),
        }
    }

    fn change(&mut self, name: &str, value: &str) -> &'static str {
        if self.read_only.contains(&name) || value.contains("Current.Offered") {
            return "Rejected";
        }
        match self.values.get_mut(name) {
            Some(_) if self.forgets => "Accepted",
            Some(known) => {
                value.clone_into(known);
                "Accepted"
            }
            None => "UnknownVariable",
        }
    }
}

fn name_of(place: &Value) -> String {
    let text = |value: &Value| value["name"].as_str().unwrap().to_owned();
    format!("{}.{}", text(&place["component"]), text(&place["variable"]))
}

fn detail(house: &mut House) -> StationDetail {
    match house.query(Query::Station("CP1".parse().unwrap())) {
        QueryAnswer::Station(Some(detail)) => *detail,
        other => panic!("{other:?}"),
    }
}

fn setting(house: &mut House, setting: Setting) -> SettingRow {
    detail(house).facts.setting(setting).unwrap().clone()
}

fn boots(house: &mut House, settings: &mut SimSettings) -> Vec<String> {
    let boot = match house.version("CP1") {
        Version::V16 => BOOT,
        Version::V201 | Version::V21 => BOOT_201,
    };
    house.call("CP1", "BootNotification", boot);
    settings.serve(house)
}

#[test]
fn on_adoption_a_station_is_read_put_right_and_read_again() {
    let mut house = House::new();
    house.up("CP1");
    let mut settings = SimSettings::factory_16();
    let calls = boots(&mut house, &mut settings);
    let wanted = [
        ("MeterValueSampleInterval", "60"),
        ("MeterValuesSampledData", "Energy.Active.Import.Register,Current.Import,Power.Active.Import"),
        ("WebSocketPingInterval", "60"),
        ("LocalPreAuthorize", "false"),
        ("AllowOfflineTxForUnknownId", "false"),
        ("StopTransactionOnInvalidId", "true"),
    ];
    for (name, value) in wanted {
        assert_eq!(settings.values[name], value, "{calls:#?}");
    }
    assert_eq!(settings.values["LocalAuthorizeOffline"], "true", "that is the site's own choice");
    let reads = calls.iter().filter(|call| call.starts_with("GetConfiguration")).count();
    assert_eq!(reads, 2, "once to compare, once to verify: {calls:#?}");
    let states: Vec<(Setting, SettingState)> =
        detail(&mut house).facts.settings.into_iter().map(|row| (row.setting, row.state)).collect();
    let told = [
        Setting::LimitUnits,
        Setting::StackLevelMost,
        Setting::PeriodsMost,
        Setting::ProfilesMost,
        Setting::Features,
        Setting::LocalAuthoriseOffline,
    ];
    for (setting, state) in states {
        let want = if told.contains(&setting) { SettingState::Told } else { SettingState::PutRight };
        assert_eq!(state, want, "{setting:?}");
    }
    assert_eq!(detail(&mut house).findings, []);
}

#[test]
fn after_a_boot_only_what_drifted_is_changed() {
    let mut house = House::new();
    house.up("CP1");
    let mut settings = SimSettings::factory_16();
    boots(&mut house, &mut settings);
    let is_change = |call: &&String| call.starts_with("ChangeConfiguration");
    assert_eq!(boots(&mut house, &mut settings).iter().filter(is_change).count(), 0);
    settings.values.insert("MeterValueSampleInterval".to_owned(), "300".to_owned());
    let calls = boots(&mut house, &mut settings);
    let changes: Vec<&String> = calls.iter().filter(is_change).collect();
    assert_eq!(changes, [r#"ChangeConfiguration {"key":"MeterValueSampleInterval","value":"60"}"#]);
    assert_eq!(setting(&mut house, Setting::MeasureInterval).state, SettingState::PutRight);
    assert_eq!(setting(&mut house, Setting::PingInterval).state, SettingState::AsWanted);
}

#[test]
fn a_station_of_2_0_1_is_put_right_in_its_own_words() {
    let mut house = House::new();
    house.speaks("CP1", Version::V201);
    house.up("CP1");
    let mut settings = SimSettings::of(&[
        ("SmartChargingCtrlr.RateUnit", "W"),
        ("SmartChargingCtrlr.PeriodsPerSchedule", "1"),
        ("SampledDataCtrlr.TxUpdatedInterval", "0"),
        ("SampledDataCtrlr.TxUpdatedMeasurands", ""),
        ("SampledDataCtrlr.TxStartedMeasurands", "Energy.Active.Import.Register,Voltage"),
        ("SampledDataCtrlr.TxEndedMeasurands", "Voltage"),
        ("AuthCtrlr.OfflineTxForUnknownIdEnabled", "true"),
        ("TxCtrlr.StopTxOnInvalidId", "TRUE"),
    ]);
    boots(&mut house, &mut settings);
    assert_eq!(settings.values["SampledDataCtrlr.TxUpdatedInterval"], "60");
    assert_eq!(settings.values["SampledDataCtrlr.TxEndedMeasurands"], "Energy.Active.Import.Register");
    assert_eq!(settings.values["AuthCtrlr.OfflineTxForUnknownIdEnabled"], "false");
    let detail = detail(&mut house);
    assert!(detail.row.takes_watts_only);
    let state = |setting| detail.facts.setting(setting).unwrap().state.clone();
    assert_eq!(state(Setting::MeasuredAtStart), SettingState::AsWanted, "more than is wanted is enough");
    assert_eq!(state(Setting::StopsOnInvalidToken), SettingState::AsWanted);
    assert_eq!(state(Setting::PingInterval), SettingState::Unknown);
    assert!(detail.findings.contains(&StationFinding::OnePeriodOnly), "{:?}", detail.findings);
}

#[test]
fn what_a_station_refuses_forgets_or_cannot_change_is_told_with_its_word() {
    let mut house = House::new();
    house.up("CP1");
    let mut settings = SimSettings::factory_16();
    settings.read_only = vec!["LocalPreAuthorize"];
    settings.forgets = true;
    boots(&mut house, &mut settings);
    assert_eq!(setting(&mut house, Setting::LocalPreAuthorise).state, SettingState::ReadOnly);
    assert_eq!(setting(&mut house, Setting::MeasureInterval).state, SettingState::NotKept);
    assert_eq!(setting(&mut house, Setting::MeasureInterval).found.as_deref(), Some("900"));
    let findings = detail(&mut house).findings;
    let named = |name: &str| findings.iter().any(|finding| format!("{finding:?}").contains(name));
    assert!(named("LocalPreAuthorize") && named("MeterValueSampleInterval"), "{findings:?}");
}

#[test]
fn field_4d_63_who_tells_one_setting_at_a_time_is_asked_one_by_one() {
    let all = SimSettings::factory_16().values.len();
    // A model that is known, and one that shows it.
    for (boot, reads) in
        [(r#"{"chargePointVendor":"Vestel","chargePointModel":"EVC04"}"#, all), (BOOT, 1 + all - 1)]
    {
        let mut house = House::new();
        house.up("CP1");
        let mut settings = SimSettings::factory_16();
        settings.tells = 1;
        house.call("CP1", "BootNotification", boot);
        let calls = settings.serve(&mut house);
        let first_change = calls.iter().position(|call| call.starts_with("ChangeConfiguration")).unwrap();
        let asked = calls[..first_change].iter().filter(|call| call.starts_with("GetConfiguration"));
        assert_eq!(asked.count(), reads, "{calls:#?}");
        assert_eq!(setting(&mut house, Setting::StopsOnInvalidToken).found.as_deref(), Some("true"));
    }
}

#[test]
fn field_4d_64_who_tells_no_settings_is_told_only_what_transactions_need() {
    let mut house = House::new();
    house.up("CP1");
    house.call("CP1", "BootNotification", BOOT);
    let mut changes = Vec::new();
    for _ in 0..20 {
        for call in house.calls_to("CP1") {
            let id = message_id(&call);
            if call.contains("Configuration") {
                changes.extend(call.contains("ChangeConfiguration").then(|| call.clone()));
                house.frame("CP1", &format!(r#"[4,"{id}","NotImplemented","",{{}}]"#));
            } else {
                house.frame("CP1", &format!(r#"[3,"{id}",{{"status":"Accepted"}}]"#));
            }
        }
    }
    assert!(changes.iter().all(|call| call.contains("MeterValue")), "{changes:?}");
    let detail = detail(&mut house);
    assert!(!detail.facts.facts[&Fact::AnswersConfiguration].holds);
    let wanted = StationFinding::TellsNoSettings { word: "NotImplemented".to_owned() };
    assert!(detail.findings.contains(&wanted), "{:?}", detail.findings);
    assert!(house.station("CP1").is_online);
}

#[test]
fn a_link_that_drops_amid_the_round_is_looked_at_again_after_the_next_boot() {
    let mut house = House::new();
    house.up("CP1");
    house.call("CP1", "BootNotification", BOOT);
    assert_ne!(house.calls_to("CP1"), Vec::<String>::new());
    house.down("CP1");
    house.up("CP1");
    let mut settings = SimSettings::factory_16();
    boots(&mut house, &mut settings);
    assert_eq!(setting(&mut house, Setting::MeasureInterval).state, SettingState::PutRight);
}
