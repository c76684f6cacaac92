//! The API and `wattery admin`, as an operator uses them while a transaction runs.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::{House, SITE, within};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_the_transaction_that_runs_and_what_limits_it_and_blocks_its_token() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    let transaction = station.start(1_000).await;
    let sessions =
        house.until("/api/v1/sessions", |sessions| sessions[0]["transaction"] == transaction).await;
    assert_eq!(sessions[0]["evse"], "P01/1", "{sessions}");
    assert_eq!((&sessions[0]["token"], sessions.as_array().unwrap().len()), (&json!("KEY"), 1));
    let certificates = house.get("/api/v1/sites/house/certificates").await;
    let limited: Vec<&Value> = certificates.as_array().unwrap().iter().collect();
    assert_eq!(limited.len(), 3, "{certificates}");
    assert!(limited.iter().all(|line| !line["limited_by"].as_str().unwrap().is_empty()), "{certificates}");
    let today = house.get("/api/v1/sites/house/today").await;
    assert!(today.is_object(), "{today}");
    assert_eq!(house.send("POST", "/api/v1/tokens/KEY/block", "").await.status, 200);
    let tokens = house.until("/api/v1/tokens", |tokens| tokens[0]["entry"]["status"] == "blocked").await;
    assert_eq!(tokens[0]["token"], "KEY");
    let mut other = house.station("P03").await;
    within("the refusal of a blocked token", async {
        while other.call("Authorize", json!({"idTag": "KEY"})).await["idTagInfo"]["status"] == "Accepted" {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_starts_and_stops_a_transaction_and_takes_an_evse_out_of_service() {
    let house = House::open().await;
    let mut station = house.station("P02").await;
    station.plug_in().await;
    let ask = |path: &'static str, body: &'static str| {
        let api = house.api.clone();
        tokio::spawn(async move { api.send("POST", path, "application/json", body).await.unwrap() })
    };
    let asked = ask("/api/v1/evses/P02/1/start", r#"{"token": "KEY"}"#);
    let told = station.called("the start", |action, _| action == "RemoteStartTransaction").await;
    assert_eq!((&told["connectorId"], &told["idTag"]), (&json!(1), &json!("KEY")), "{told}");
    assert_eq!(within("its answer", asked).await.unwrap().status, 200);
    let transaction = station.start(0).await;
    let asked = ask("/api/v1/evses/P02/1/stop", "");
    let told = station.called("the stop", |action, _| action == "RemoteStopTransaction").await;
    assert_eq!(told["transactionId"], transaction);
    assert_eq!(within("its answer", asked).await.unwrap().status, 200);
    let out = house.send("POST", "/api/v1/evses/P03/1/decommission", r#"{"is_decommissioned": true}"#).await;
    assert_eq!(out.status, 200, "{}", out.body);
    let refused = house.send("POST", "/api/v1/evses/P03/1/start", r#"{"token": "KEY"}"#).await;
    assert!(refused.status >= 400 && refused.body.contains("P03"), "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_planned_for_by_whom_its_file_or_an_operator_names() {
    let planned = format!("{SITE}[sharing]\nplanner = 'lp_horizon'\n")
        .replace("current_max_a = 16\n", "current_max_a = 16\nis_fallback_proven = true\n");
    let house = House::open_with(&planned).await;
    let mut station = house.station("P01").await;
    let wish = r#"{"departs_at": "2099-01-01T07:00:00Z", "energy_kwh": 12.5}"#;
    let refused = house.send("POST", "/api/v1/evses/P01/1/wish", wish).await;
    assert!(refused.status == 409 && refused.body.contains("no transaction"), "{}", refused.body);
    station.start(1_000).await;
    let plan = house.until("/api/v1/sites/house/plan", |plan| !plan["evses"]["P01/1"].is_null()).await;
    assert_eq!(plan["slot"], 900_000, "{plan}");
    assert!(plan["evses"]["P01/1"]["caps"].as_array().unwrap().len() >= 31, "a typical stay: {plan}");
    let wish = r#"{"energy_kwh": 12.5}"#;
    assert_eq!(house.send("POST", "/api/v1/evses/P01/1/wish", wish).await.status, 200);
    let wrong = house.send("POST", "/api/v1/evses/P01/1/wish", r#"{"energy_kwh": -1}"#).await;
    assert!(wrong.status == 409 && wrong.body.contains("is not from"), "{}", wrong.body);
    let strategy = "/api/v1/sites/house/strategy";
    assert_eq!(house.get(strategy).await, json!({"allocator": "max_min", "planner": "lp_horizon"}));
    let other = r#"{"allocator": "first_come", "planner": "none"}"#;
    assert_eq!(house.send("PUT", strategy, other).await.status, 200);
    house.until("/api/v1/sites/house/plan", Value::is_null).await;
    let unknown = house.send("PUT", strategy, r#"{"planner": "crystal_ball"}"#).await;
    assert!(unknown.status >= 400 && unknown.body.contains("crystal_ball"), "{}", unknown.body);
    // It is kept.
    let house = house.restart().await;
    assert_eq!(house.get(strategy).await, json!({"allocator": "first_come", "planner": "none"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn wattery_admin_imports_a_site_names_the_file_of_its_mistakes_and_keeps_stations_and_tokens() {
    let house = House::open().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a house.toml");
    let admin = |words: &[&str]| -> Output {
        Command::new(env!("CARGO_BIN_EXE_wattery"))
            .args(["admin", "--api", &house.api.address, "--token", &house.api.token])
            .args(words)
            .output()
            .unwrap()
    };
    let done = |words: &[&str]| -> String {
        let Output { status, stdout, stderr } = admin(words);
        assert!(status.success(), "{words:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    };
    std::fs::write(&file, SITE.replace("rating_a = 80", "rating_a = -80")).unwrap();
    let file = file.to_str().unwrap();
    let refused = admin(&["site", "import", file]);
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && words.contains(&format!("{file}:")), "{words}");
    assert!(words.contains("rating_a") && words.contains("-80"), "{words}");
    std::fs::write(file, SITE.replace("A House", "The Same House")).unwrap();
    done(&["site", "import", file]);
    assert!(done(&["site", "list"]).contains("The Same House"));
    assert!(done(&["station", "list"]).contains("P03"));
    let told = done(&["station", "password", "P01"]);
    assert!(
        serde_json::from_str::<Value>(&told).unwrap()["password"].as_str().unwrap().len() >= 16,
        "{told}"
    );
    done(&["token", "add", "SECOND", "--account", "resident"]);
    done(&["token", "block", "KEY"]);
    let tokens: Value = serde_json::from_str(&done(&["token", "list"])).unwrap();
    let status = |token: &str| {
        tokens.as_array().unwrap().iter().find(|row| row["token"] == token).unwrap()["entry"]["status"]
            .clone()
    };
    assert_eq!((status("KEY"), status("SECOND")), (json!("blocked"), json!("valid")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terms_of_a_site_are_told_replaced_and_refused_with_all_that_is_wrong() {
    let house = House::open().await;
    let path = "/api/v1/sites/house/terms";
    assert_eq!(house.get(path).await["terms"]["energy"], json!([]));
    let (from, until) = (4_070_908_800_000_i64, 4_070_912_400_000_i64);
    let terms = json!({
        "energy": [{"from": from, "until": until, "price": 52_000}],
        "power_fee": {"price": 4_500_000, "window": "hour", "paid": 20_000_000},
        "commands": [{"from": from, "until": until, "circuit": "main", "limit": 16_000}],
    });
    assert_eq!(house.send("PUT", path, &terms.to_string()).await.status, 200);
    let told = house.get(path).await;
    assert_eq!(told["terms"]["commands"], terms["commands"]);
    assert_eq!(told["terms"]["power_fee"], terms["power_fee"]);
    let wrong = json!({
        "energy": [{"from": until, "until": from, "price": 1}],
        "commands": [{"from": from, "until": until, "circuit": "attic", "limit": -1}],
    });
    let refused = house.send("PUT", path, &wrong.to_string()).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    for part in ["energy, row 1", "no circuit attic", "-0.001 A"] {
        assert!(refused.body.contains(part), "{part} in {}", refused.body);
    }
    for body in ["{\"prices\": []}", "no JSON", "{\"energy\": [{\"from\": \"today\"}]}"] {
        assert_eq!(house.send("PUT", path, body).await.status, 400, "{body}");
    }
    assert_eq!(house.send("GET", "/api/v1/sites/nowhere/terms", "").await.status, 404);
    assert_eq!(house.get("/api/v1/sites/house/forecasts").await, json!([]), "nobody plans");
    assert_eq!(house.send("GET", "/api/v1/sites/nowhere/forecasts", "").await.status, 404);
    assert_eq!(house.get(path).await["terms"]["energy"], terms["energy"], "what was refused changed nothing");
}
