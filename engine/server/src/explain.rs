//! Frames in plain words: who says what to whom, and what is in it. In English and Finnish.

use serde_json::Value;

use crate::frame_history::Logged;
use crate::web::Language;

/// What an action says, from the station or to it: English, Finnish.
const ACTIONS: [(&str, [&str; 2]); 37] = [
    ("Authorize", ["asks whether a token may charge", "kysyy, saako tunnisteella ladata"]),
    ("BootNotification", ["has started and says what it is", "on käynnistynyt ja kertoo, mikä se on"]),
    ("CancelReservation", ["is to give up a reservation", "perutaan varaus"]),
    ("CertificateSigned", ["gets a certificate", "saa varmenteen"]),
    ("ChangeAvailability", ["is to be put in or out of service", "otetaan käyttöön tai pois käytöstä"]),
    ("ChangeConfiguration", ["is to change a setting", "muutetaan asetusta"]),
    ("ClearCache", ["is to forget the tokens that it remembers", "unohtaa muistamansa tunnisteet"]),
    ("ClearChargingProfile", ["is to forget limits", "unohtaa rajoja"]),
    ("DataTransfer", ["a message of the vendor's own", "valmistajan oma sanoma"]),
    ("DiagnosticsStatusNotification", ["tells how its diagnostics go", "kertoo vianhaun etenemisestä"]),
    ("FirmwareStatusNotification", ["tells how its firmware update goes", "kertoo ohjelmistopäivityksestä"]),
    ("GetBaseReport", ["is asked for all its variables", "kysytään kaikki muuttujat"]),
    ("GetCompositeSchedule", ["is asked which limits hold", "kysytään voimassa olevat rajat"]),
    ("GetConfiguration", ["is asked for settings", "kysytään asetuksia"]),
    ("GetDiagnostics", ["is asked for diagnostics", "pyydetään vianhakutiedot"]),
    (
        "GetLocalListVersion",
        ["is asked for its local list's version", "kysytään paikallisen luettelon versio"],
    ),
    ("GetLog", ["is asked for its log", "pyydetään loki"]),
    ("GetTransactionStatus", ["is asked whether messages wait", "kysytään, odottaako sanomia"]),
    ("GetVariables", ["is asked for settings", "kysytään asetuksia"]),
    ("Heartbeat", ["lives, and asks what time it is", "elää ja kysyy kellonaikaa"]),
    ("MeterValues", ["tells what its meter shows", "kertoo mittarin lukemat"]),
    ("NotifyEvent", ["tells of an event", "kertoo tapahtumasta"]),
    ("NotifyReport", ["tells its variables", "kertoo muuttujansa"]),
    ("RemoteStartTransaction", ["is to start charging", "aloitetaan lataus"]),
    ("RemoteStopTransaction", ["is to stop charging", "lopetetaan lataus"]),
    ("RequestStartTransaction", ["is to start charging", "aloitetaan lataus"]),
    ("RequestStopTransaction", ["is to stop charging", "lopetetaan lataus"]),
    ("Reset", ["is to restart", "käynnistetään uudelleen"]),
    ("SecurityEventNotification", ["tells of a security event", "kertoo turvallisuustapahtumasta"]),
    ("SetChargingProfile", ["is told a limit", "saa rajan"]),
    ("SetVariables", ["is to change settings", "muutetaan asetuksia"]),
    ("StartTransaction", ["began a transaction", "aloitti latauksen"]),
    ("StatusNotification", ["tells what a connector does", "kertoo liittimen tilan"]),
    ("StopTransaction", ["ended a transaction", "lopetti latauksen"]),
    ("TransactionEvent", ["tells of a transaction", "kertoo latauksesta"]),
    ("TriggerMessage", ["is asked for a message", "pyydetään sanoma"]),
    ("UnlockConnector", ["is to release the cable", "vapautetaan kaapeli"]),
];

/// What is worth telling of a payload, in this order: where it stands.
const TELLING: [&str; 34] = [
    "/connectorId",
    "/evseId",
    "/evse/id",
    "/transactionId",
    "/transactionInfo/transactionId",
    "/transactionInfo/chargingState",
    "/transactionInfo/stoppedReason",
    "/eventType",
    "/triggerReason",
    "/status",
    "/connectorStatus",
    "/idTagInfo/status",
    "/idTokenInfo/status",
    "/errorCode",
    "/vendorErrorCode",
    "/info",
    "/reason",
    "/meterStart",
    "/meterStop",
    "/timestamp",
    "/requestedMessage",
    "/key",
    "/value",
    "/type",
    "/chargePointVendor",
    "/chargePointModel",
    "/firmwareVersion",
    "/chargingStation/vendorName",
    "/chargingStation/model",
    "/chargingStation/firmwareVersion",
    "/csChargingProfiles/chargingProfilePurpose",
    "/chargingProfile/chargingProfilePurpose",
    "/currentTime",
    "/interval",
];

/// A value is not told longer.
const VALUE_MAX: usize = 60;

/// A frame in one line.
pub fn in_words(frame: &Logged, language: Language) -> String {
    let pick = |words: [&'static str; 2]| match language {
        Language::English => words[0],
        Language::Finnish => words[1],
    };
    let Ok(Value::Array(parts)) = serde_json::from_str::<Value>(&frame.text) else {
        return pick(["no frame of OCPP: it cannot be read", "ei OCPP-sanoma: sitä ei voi lukea"]).to_owned();
    };
    let kind = parts.first().and_then(Value::as_u64);
    let payload = |place: usize| parts.get(place).unwrap_or(&Value::Null);
    let action = frame.action.as_deref().unwrap_or_default();
    match kind {
        Some(2) => {
            let known = ACTIONS.iter().find(|(name, _)| *name == action);
            let who = pick(["the station", "asema"]);
            let says = known.map_or(action, |(_, words)| pick(*words));
            with(format!("{who} {says}"), &details(payload(3)))
        }
        Some(3) => {
            let answers = pick(["answer", "vastaus"]);
            let to = if action.is_empty() { String::new() } else { format!(" ({action})") };
            with(format!("{answers}{to}"), &details(payload(2)))
        }
        Some(4) => {
            let refuses = pick(["refusal", "torjunta"]);
            let text = |place| payload(place).as_str().unwrap_or_default();
            with(format!("{refuses} ({action})"), &[text(2).to_owned(), text(3).to_owned()])
        }
        _ => pick(["a kind of frame that is not known here", "tuntematon sanomalaji"]).to_owned(),
    }
}

fn with(head: String, details: &[String]) -> String {
    let told: Vec<&str> = details.iter().map(String::as_str).filter(|detail| !detail.is_empty()).collect();
    if told.is_empty() { head } else { format!("{head}: {}", told.join(", ")) }
}

fn details(payload: &Value) -> Vec<String> {
    let mut told: Vec<String> = TELLING
        .iter()
        .filter_map(|place| {
            let value = plain(payload.pointer(place)?)?;
            let name = place.rsplit('/').next().unwrap_or_default();
            Some(if name == "status" || name == "errorCode" { value } else { format!("{name} {value}") })
        })
        .collect();
    told.extend(limits(payload));
    told.extend(measured(payload));
    told
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.chars().take(VALUE_MAX).collect()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `16 A, then 0 A after 300 s`: the periods of a schedule.
fn limits(payload: &Value) -> Option<String> {
    let schedules = ["/csChargingProfiles/chargingSchedule", "/chargingProfile/chargingSchedule/0"];
    let schedule = schedules.iter().find_map(|place| payload.pointer(place))?;
    let unit = schedule.get("chargingRateUnit").and_then(Value::as_str).unwrap_or_default();
    let periods = schedule.get("chargingSchedulePeriod")?.as_array()?;
    let told = periods.iter().filter_map(|period| {
        Some(format!("{} {unit} @ {} s", plain(period.get("limit")?)?, plain(period.get("startPeriod")?)?))
    });
    Some(told.collect::<Vec<_>>().join(", "))
}

/// What was measured last: `Current.Import L1 15.9 A`.
fn measured(payload: &Value) -> Option<String> {
    let values = payload.get("meterValue").or_else(|| payload.get("transactionData"))?.as_array()?;
    let sampled = values.last()?.get("sampledValue")?.as_array()?;
    let told = sampled.iter().take(6).filter_map(|value| {
        let measurand =
            value.get("measurand").and_then(Value::as_str).unwrap_or("Energy.Active.Import.Register");
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let unit =
            value.pointer("/unitOfMeasure/unit").and_then(Value::as_str).unwrap_or_else(|| text("unit"));
        let words =
            [measurand.to_owned(), text("phase").to_owned(), plain(value.get("value")?)?, unit.to_owned()];
        Some(words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
    });
    Some(told.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(action: Option<&str>, text: &str) -> [String; 2] {
        let frame = Logged {
            number: 1,
            at: units::Timestamp::EPOCH,
            is_from_station: true,
            action: action.map(ToOwned::to_owned),
            text: text.to_owned(),
        };
        [Language::English, Language::Finnish].map(|language| in_words(&frame, language))
    }

    #[test]
    fn frames_are_explained_in_both_languages() {
        let status = r#"[2,"1","StatusNotification",{"connectorId":1,"errorCode":"GroundFailure","status":"Faulted","vendorErrorCode":"E7"}]"#;
        assert_eq!(
            explained(Some("StatusNotification"), status),
            [
                "the station tells what a connector does: connectorId 1, Faulted, GroundFailure, vendorErrorCode E7",
                "asema kertoo liittimen tilan: connectorId 1, Faulted, GroundFailure, vendorErrorCode E7",
            ]
        );
        let limit = r#"[2,"2","SetChargingProfile",{"connectorId":1,"csChargingProfiles":{"chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16.0},{"startPeriod":3900,"limit":0}]}}}]"#;
        assert_eq!(
            explained(Some("SetChargingProfile"), limit)[0],
            "the station is told a limit: connectorId 1, 16.0 A @ 0 s, 0 A @ 3900 s"
        );
        let answer = r#"[3,"2",{"status":"Rejected"}]"#;
        assert_eq!(
            explained(Some("SetChargingProfile"), answer)[1],
            "vastaus (SetChargingProfile): Rejected"
        );
        let refusal = r#"[4,"2","NotImplemented","what is that",{}]"#;
        assert_eq!(explained(Some("Reset"), refusal)[0], "refusal (Reset): NotImplemented, what is that");
        let values = r#"[2,"3","MeterValues",{"connectorId":1,"meterValue":[{"sampledValue":[{"value":"15.9","measurand":"Current.Import","phase":"L1","unit":"A"}]}]}]"#;
        assert!(
            explained(Some("MeterValues"), values)[0].ends_with("connectorId 1, Current.Import L1 15.9 A")
        );
        assert!(explained(None, "[2,").iter().all(|words| !words.is_empty()));
        assert_eq!(explained(Some("Odd"), r#"[2,"4","Odd",{}]"#)[0], "the station Odd");
    }

    #[test]
    fn actions_are_in_order_and_each_once() {
        assert!(ACTIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
