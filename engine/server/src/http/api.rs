//! The JSON API. Quantities are integers in thousandths of the unit (mA, mWh), money in minor units, instants in UTC
//! milliseconds, as they are kept; where people or meters write, decimals and RFC 3339 are taken.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use charging::network::source::MeterWay;
use charging::plan::{Strategy, Wish};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::list::{AuditFilter, Page};
use units::civil::CivilMonth;
use units::{Amperes, CdrId, EvseId, IdToken, PerPhase, ReportedAt, SiteId, StationId, Timestamp, WattHours};

use super::gate::Actor;
use super::{App, Problem, adoption, explanations, meters, security, terms, upkeep};
use crate::site_import;

pub(super) type Answer = Result<Json<Value>, Problem>;

/// What there is.
const PATHS: &[(&str, &str)] = &[
    ("GET /api/v1/health", "whether records can be committed"),
    ("GET /api/v1/sites", "all sites in brief"),
    (
        "POST /api/v1/sites",
        "imports a site file (TOML); all its mistakes are told at once, under the name in `?file=`",
    ),
    ("GET /api/v1/sites/{site}", "circuits and EVSEs now"),
    ("GET /api/v1/sites/{site}/config", "as imported"),
    (
        "GET /api/v1/sites/{site}/strategy, PUT /api/v1/sites/{site}/strategy",
        "how the site shares: {\"allocator\": max_min | equal_static | first_come | round_robin | earliest_deadline | \
         least_laxity, \"planner\": none | lp_now | lp_horizon}; limits in force stay until the next decision",
    ),
    ("GET /api/v1/sites/{site}/plan", "the plan in use: caps by EVSE and slot; null where there is none"),
    ("GET /api/v1/sites/{site}/certificates", "what limits each EVSE"),
    ("GET /api/v1/sites/{site}/today", "billed today"),
    ("GET /api/v1/stations", "all stations; what they must prove, and whether they can"),
    ("GET /api/v1/stations/{station}/security", "what the station must prove, and whether it has a password"),
    (
        "PUT /api/v1/stations/{station}/security",
        "sets {\"profile\": 0 to 3, \"password\" or \"draw_password\": true, \"lower\": true where it is meant to be lower}",
    ),
    ("PUT /api/v1/stations/{station}/password", "sets {\"password\"}, or draws one where there is no body"),
    ("POST /api/v1/stations/{station}/commands/{Action}", "any OCPP call; the body is its payload"),
    ("POST /api/v1/evses/{station}/{number}/start", "starts a transaction for {\"token\"}"),
    ("POST /api/v1/evses/{station}/{number}/stop", "stops the transaction"),
    (
        "POST /api/v1/evses/{station}/{number}/wish",
        "what the driver of the transaction wants, a hint for plans: {\"departs_at\": RFC 3339, \"energy_kwh\"}, or one of them",
    ),
    ("POST /api/v1/evses/{station}/{number}/decommission", "takes {\"is_decommissioned\"}"),
    ("GET /api/v1/sessions", "open sessions"),
    ("GET /api/v1/meters", "all meters: how each is read, what it shows, and what is wrong with it"),
    ("GET /api/v1/alarms", "what stands, and who knows of it"),
    ("POST /api/v1/alarms/acknowledge", "{\"alarm\"}, the text of one that stands: somebody knows of it"),
    (
        "GET /api/v1/stations/{station}",
        "all that is known of it: what it shows, how it is set, its model's quirks, its connection, faults, findings",
    ),
    (
        "GET /api/v1/stations/{station}/frames",
        "its frames, the newest first, explained; `?from=`, `?until=` (RFC 3339), `?direction=in|out`, `?action=`, \
         `?text=`, `?before=` (a frame's number), `?limit=` up to 1000; `/frames.log` the same as a file to keep",
    ),
    ("GET /api/v1/quirks", "what models of stations are known to do, and where that is written"),
    ("GET /metrics", "for Prometheus"),
    (
        "POST /api/v1/meters/{meter}/readings",
        "{\"at\": RFC 3339, \"current_a\": [L1, L2, L3]}; positive is import",
    ),
    ("GET /api/v1/cdrs", "sealed CDRs, the newest first"),
    ("GET /api/v1/owners, PUT /api/v1/owners", "site owners and their contracts"),
    ("GET /api/v1/accounts, PUT /api/v1/accounts", "drivers"),
    ("GET /api/v1/tokens, PUT /api/v1/tokens", "whose they are"),
    ("POST /api/v1/tokens/{token}/block", "blocks a token"),
    ("GET /api/v1/tariffs, PUT /api/v1/tariffs", "tariff versions; one is never edited"),
    ("GET /api/v1/access, PUT /api/v1/access", "who may charge where"),
    ("GET /api/v1/prices, PUT /api/v1/prices", "the service's own prices"),
    ("GET /api/v1/lobby", "unknown stations that knocked"),
    (
        "POST /api/v1/lobby/{station}/adopt",
        "adds it to {\"site\"}: {\"wiring\"}, {\"like\": EVSE} or {\"circuit\", \"current_max_a\"}, {\"evses\"}: how many",
    ),
    ("GET /api/v1/findings", "CDRs that are held"),
    ("GET /api/v1/doubts", "what was found and is of no held CDR, the newest first"),
    ("POST /api/v1/findings/{cdr}/resolve", "{\"decision\", \"reason\"}"),
    ("GET /api/v1/ledger", "the sum of each ledger account, and of all: zero"),
    ("GET /api/v1/documents/open", "statements and receipts that wait to be paid"),
    ("POST /api/v1/documents/collect", "{\"document\", \"method\"}: it was paid"),
    ("GET /api/v1/owners/{owner}/months/{month}", "by driver"),
    (
        "POST /api/v1/owners/{owner}/months/{month}/{close|settle|propose-payout|approve-payout}",
        "month's end",
    ),
    ("GET /api/v1/accounts/{account}/months/{month}", "what an account was billed for"),
    (
        "GET /api/v1/stations/{station}/notices",
        "what a station told besides transactions: firmware, logs, security, others' limits, the newest first",
    ),
    (
        "GET /api/v1/audit",
        "who asked for what, and how it ended, the newest first; ?station=, ?actor=, ?from=, ?before=, ?limit=, ?after=",
    ),
    ("POST /api/v1/api-tokens", "a token of the API for {\"name\"}; told once"),
];

/// All paths of the API.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1", get(paths))
        .route("/api/v1/health", get(health))
        .route("/api/v1/sites", get(sites).post(import_site))
        .route("/api/v1/sites/{site}", get(site))
        .route("/api/v1/sites/{site}/config", get(site_config))
        .route("/api/v1/sites/{site}/strategy", get(strategy).put(put_strategy))
        .route("/api/v1/sites/{site}/plan", get(plan))
        .route("/api/v1/sites/{site}/certificates", get(certificates))
        .route("/api/v1/sites/{site}/today", get(today))
        .route("/api/v1/stations", get(stations))
        .route("/api/v1/stations/{station}/security", get(security::show).put(security::put))
        .route("/api/v1/stations/{station}/password", put(security::put_password))
        .route("/api/v1/stations/{station}/commands/{action}", post(call))
        .route("/api/v1/evses/{station}/{number}/{verb}", post(evse))
        .route("/api/v1/sessions", get(sessions))
        .route("/api/v1/alarms", get(alarms))
        .route("/api/v1/meters", get(meters::list))
        .route("/api/v1/alarms/acknowledge", post(acknowledge))
        .route("/api/v1/meters/{meter}/readings", post(reading))
        .route("/api/v1/cdrs", get(cdrs))
        .route("/api/v1/owners", get(owners).put(put_owner))
        .route("/api/v1/accounts", get(accounts).put(put_account))
        .route("/api/v1/tokens", get(tokens).put(put_token))
        .route("/api/v1/tokens/{token}/block", post(block_token))
        .route("/api/v1/tariffs", get(tariffs).put(put_tariff))
        .route("/api/v1/access", get(access).put(put_access))
        .route("/api/v1/prices", get(prices).put(put_prices))
        .route("/api/v1/lobby", get(lobby))
        .route("/api/v1/lobby/{station}/adopt", post(adoption::adopt))
        .route("/api/v1/findings", get(findings))
        .route("/api/v1/doubts", get(doubts))
        .route("/api/v1/findings/{cdr}/resolve", post(resolve))
        .route("/api/v1/ledger", get(ledger))
        .route("/api/v1/documents/open", get(open_documents))
        .route("/api/v1/documents/collect", post(collect))
        .route("/api/v1/owners/{owner}/months/{month}", get(owner_month))
        .route("/api/v1/owners/{owner}/months/{month}/{verb}", post(month_end))
        .route("/api/v1/accounts/{account}/months/{month}", get(account_month))
        .route("/api/v1/stations/{station}/notices", get(notices))
        .route("/api/v1/audit", get(audit))
        .route("/api/v1/api-tokens", post(new_api_token))
}

async fn paths() -> Json<Value> {
    let paths: serde_json::Map<String, Value> = PATHS
        .iter()
        .chain(upkeep::PATHS)
        .chain(explanations::PATHS)
        .chain(terms::PATHS)
        .map(|(path, what)| ((*path).to_owned(), Value::from(*what)))
        .collect();
    Json(json!({"units": "mA, mV, mW, mWh; money in minor units; instants in UTC ms", "paths": paths}))
}

async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    let health = app.engine.health().borrow().clone();
    let status =
        if health.storage_failing.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(json!(health)))
}

// Sites.

async fn sites(State(app): State<Arc<App>>) -> Answer {
    query(&app, csms::Query::Sites).await
}

/// What somebody calls the site file, for what is said of it.
#[derive(Debug, Deserialize)]
struct FileName {
    file: Option<String>,
}

async fn import_site(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Query(FileName { file }): Query<FileName>,
    body: Bytes,
) -> Answer {
    let text = std::str::from_utf8(&body).map_err(|_| {
        Problem::new(StatusCode::BAD_REQUEST, "the site file is not UTF-8 text", "save it as UTF-8")
    })?;
    let import = site_import::read(file.as_deref().unwrap_or("site file"), text).map_err(|mistakes| {
        Problem::several(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the site file has mistakes; nothing was changed",
            mistakes,
        )
    })?;
    let stations = import.stations;
    let Json(_) = command(&app, &actor, import.site).await?;
    let mut refused = Vec::new();
    for business in import.business {
        if let Err(problem) = office_command(&app, &actor, business).await {
            refused.extend(if problem.mistakes.is_empty() { vec![problem.title] } else { problem.mistakes });
        }
    }
    if refused.is_empty() {
        let mut answer = json!({"imported": true});
        let drawn = security::draw_where_missing(&app, &actor, stations.iter()).await?;
        if let Some(answer) = answer.as_object_mut().filter(|_| !drawn.is_empty()) {
            answer.insert("passwords".to_owned(), Value::from(drawn));
            answer.insert("note".to_owned(), Value::from("the passwords are not told again"));
        }
        return Ok(Json(answer));
    }
    Err(Problem::several(
        StatusCode::CONFLICT,
        "the site is configured; some of its business was refused",
        refused,
    ))
}

async fn site(State(app): State<Arc<App>>, Path(site): Path<String>) -> Answer {
    let view = site_view(&app, &site).await?;
    Ok(Json(json!(view)))
}

async fn site_config(State(app): State<Arc<App>>, Path(site): Path<String>) -> Answer {
    let id: SiteId = parsed("site", &site)?;
    let config = app.engine.site_config(&id);
    config.map(|config| Json(json!(config))).ok_or_else(|| no_site(&site))
}

async fn strategy(State(app): State<Arc<App>>, Path(site): Path<String>) -> Answer {
    let id: SiteId = parsed("site", &site)?;
    let config = app.engine.site_config(&id);
    config.map(|config| Json(json!(config.strategy))).ok_or_else(|| no_site(&site))
}

async fn put_strategy(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path(site): Path<String>,
    body: Bytes,
) -> Answer {
    let site: SiteId = parsed("site", &site)?;
    let strategy: Strategy = body_of(&body, "{\"allocator\": \"max_min\", \"planner\": \"lp_horizon\"}")?;
    command(&app, &actor, csms::Command::Share { site, strategy }).await
}

async fn plan(State(app): State<Arc<App>>, Path(site): Path<String>) -> Answer {
    let id = known_site(&app, &site)?;
    query(&app, csms::Query::Plan(id)).await
}

async fn certificates(State(app): State<Arc<App>>, Path(site): Path<String>) -> Answer {
    let view = site_view(&app, &site).await?;
    let lines = view.evses.iter().map(|line| {
        json!({
            "evse": line.evse,
            "is_in_transaction": line.control.is_in_transaction,
            "limited_by": line.control.limited_by,
            "limit": line.control.limit,
            "ceiling": line.control.ceiling,
            "drawn": line.control.drawn,
            "remarks": line.control.remarks,
        })
    });
    Ok(Json(Value::from(lines.collect::<Vec<_>>())))
}

async fn today(State(app): State<Arc<App>>, Path(site): Path<String>) -> Answer {
    let id: SiteId = parsed("site", &site)?;
    office_query(&app, office::Query::SiteToday(id)).await
}

pub(super) async fn site_view(app: &App, site: &str) -> Result<csms::query::SiteView, Problem> {
    let id: SiteId = parsed("site", site)?;
    match app.engine.query(csms::Query::Site(id)).await? {
        csms::QueryAnswer::Site(Some(view)) => Ok(view),
        csms::QueryAnswer::Site(None)
        | csms::QueryAnswer::Sites(_)
        | csms::QueryAnswer::Stations(_)
        | csms::QueryAnswer::Sessions(_)
        | csms::QueryAnswer::Alarms(_)
        | csms::QueryAnswer::Station(_)
        | csms::QueryAnswer::Plan(_)
        | csms::QueryAnswer::Terms(_) => Err(no_site(site)),
    }
}

/// The site of a path, where there is one of that name.
pub(super) fn known_site(app: &App, site: &str) -> Result<SiteId, Problem> {
    let id: SiteId = parsed("site", site)?;
    if app.engine.site_config(&id).is_some() { Ok(id) } else { Err(no_site(site)) }
}

pub(super) fn no_site(site: &str) -> Problem {
    Problem::not_found(
        &format!("site `{site}`"),
        "GET /api/v1/sites lists them; POST /api/v1/sites imports one",
    )
}

async fn sessions(State(app): State<Arc<App>>) -> Answer {
    query(&app, csms::Query::Sessions).await
}

async fn alarms(State(app): State<Arc<App>>) -> Answer {
    query(&app, csms::Query::Alarms).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledgement {
    alarm: String,
}

async fn acknowledge(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>, body: Bytes) -> Answer {
    let Acknowledgement { alarm } = body_of(&body, "{\"alarm\": \"station P01 is offline\"}")?;
    command(&app, &actor, csms::Command::Acknowledge { alarm }).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    at: String,
    current_a: [serde_json::Number; 3],
}

async fn reading(State(app): State<Arc<App>>, Path(meter): Path<String>, body: Bytes) -> Answer {
    let id = parsed("meter", &meter)?;
    let known = app.engine.meter(&id).ok_or_else(|| {
        Problem::not_found(
            &format!("meter `{meter}`"),
            "name a meter of a circuit in a site file, and import the site first",
        )
    })?;
    if known.source.way != MeterWay::Posted {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!(
                "meter `{meter}` is read by its `source`: what is posted beside it would be a second truth"
            ),
            "leave `source` out of the site file, or stop posting",
        ));
    }
    let reading: Reading = body_of(&body, "{\"at\": \"2026-01-31T17:30:00Z\", \"current_a\": [1.5, 0, -2]}")?;
    let at: Timestamp = reading.at.parse().map_err(|error: units::time::ParseTimestampError| {
        Problem::unreadable("at", &reading.at, error.to_string())
    })?;
    let [l1, l2, l3] = &reading.current_a;
    let current = PerPhase::new(amperes("L1", l1)?, amperes("L2", l2)?, amperes("L3", l3)?);
    app.engine.reading(id, ReportedAt(at), current).await?;
    Ok(Json(json!({"taken": true})))
}

/// No supply of ours carries more; such a reading is a mistake of units.
const AMPERES_MAX: Amperes = Amperes::from_amperes(100_000);

fn amperes(phase: &str, number: &serde_json::Number) -> Result<Amperes, Problem> {
    let text = number.to_string();
    let way_out = "give amperes as a decimal between -100000 and 100000; positive is import";
    let current: Amperes = text.parse().map_err(|_| Problem::unreadable(phase, &text, way_out))?;
    if current.magnitude() > AMPERES_MAX {
        Err(Problem::unreadable(phase, &text, way_out))
    } else {
        Ok(current)
    }
}

// Stations.

async fn stations(State(app): State<Arc<App>>) -> Answer {
    let mut stations = sole(json!(app.engine.query(csms::Query::Stations).await?));
    for station in stations.as_array_mut().into_iter().flatten() {
        let id = station.pointer("/row/station").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let Some(id): Option<StationId> = id else { continue };
        if let Some(station) = station.as_object_mut() {
            station.insert("is_authenticated".to_owned(), Value::from(app.door.is_secured(&id)));
            station.insert("security_profile".to_owned(), json!(app.door.required_of(&id)));
        }
    }
    Ok(Json(stations))
}

fn not_stored(error: anyhow::Error) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{error:#}"), "nothing was changed")
}

async fn call(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path((station, action)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let station: StationId = parsed("station", &station)?;
    let payload = if body.is_empty() { "{}" } else { std::str::from_utf8(&body).unwrap_or_default() };
    let is_object = serde_json::from_str::<Value>(payload).is_ok_and(|value| value.is_object());
    if !is_object {
        return Err(Problem::unreadable("the payload", payload, "send the OCPP payload as a JSON object"));
    }
    let (action, payload) = (action.into(), payload.into());
    command(&app, &actor, csms::Command::Call { station, action, payload }).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EvseStart {
    token: IdToken,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EvseWish {
    departs_at: Option<String>,
    energy_kwh: Option<serde_json::Number>,
}

impl EvseWish {
    fn read(self) -> Result<Wish, Problem> {
        let departs_at = self.departs_at.map(|text| {
            text.parse::<Timestamp>()
                .map_err(|error| Problem::unreadable("departs_at", &text, error.to_string()))
        });
        let wanted = self.energy_kwh.map(|number| {
            let text = number.to_string();
            let way_out = "give kilowatt-hours as a decimal between 0 and 1000";
            let thousands: Option<WattHours> = text.parse().ok();
            let wanted = thousands.filter(|wanted| wanted.milliwatt_hours() <= 1_000_000);
            let wanted =
                wanted.map(|wanted| WattHours::from_milliwatt_hours(wanted.milliwatt_hours() * 1_000));
            wanted.ok_or_else(|| Problem::unreadable("energy_kwh", &text, way_out))
        });
        Ok(Wish { departs_at: departs_at.transpose()?, wanted: wanted.transpose()? })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EvseDecommission {
    is_decommissioned: bool,
}

async fn evse(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path((station, number, verb)): Path<(String, String, String)>,
    body: Bytes,
) -> Answer {
    let evse: EvseId = parsed("EVSE", &format!("{station}/{number}"))?;
    let asked = match verb.as_str() {
        "start" => {
            let EvseStart { token } = body_of(&body, "{\"token\": \"04A1B2C3\"}")?;
            csms::Command::Start { evse, token }
        }
        "stop" => csms::Command::Stop { evse },
        "decommission" => {
            let EvseDecommission { is_decommissioned } = body_of(&body, "{\"is_decommissioned\": true}")?;
            csms::Command::Decommission { evse, is_decommissioned }
        }
        "wish" => {
            let wish: EvseWish =
                body_of(&body, "{\"departs_at\": \"2026-01-31T17:30:00Z\", \"energy_kwh\": 12.5}")?;
            csms::Command::Wish { evse, wish: wish.read()? }
        }
        other => {
            let way_out = "use start, stop, wish or decommission";
            return Err(Problem::not_found(&format!("command `{other}`"), way_out));
        }
    };
    command(&app, &actor, asked).await
}

// Business.

async fn owners(State(app): State<Arc<App>>) -> Answer {
    office_query(&app, office::Query::Owners).await
}

async fn accounts(State(app): State<Arc<App>>) -> Answer {
    office_query(&app, office::Query::Accounts).await
}

async fn tokens(State(app): State<Arc<App>>) -> Answer {
    office_query(&app, office::Query::Tokens).await
}

async fn tariffs(State(app): State<Arc<App>>) -> Answer {
    office_query(&app, office::Query::Tariffs).await
}

async fn access(State(app): State<Arc<App>>) -> Answer {
    office_query(&app, office::Query::Access).await
}

async fn prices(State(app): State<Arc<App>>) -> Answer {
    office_query(&app, office::Query::Prices).await
}

async fn lobby(State(app): State<Arc<App>>) -> Answer {
    let mut rows = sole(json!(app.engine.office_query(office::Query::Lobby).await?));
    if let Some(rows) = rows.as_array_mut() {
        // Who was adopted into a site has left, also where nobody may charge there yet.
        let known = app.engine.stations();
        rows.retain(|row| known.iter().all(|station| row["station"] != station.as_str()));
    }
    Ok(Json(rows))
}

async fn findings(State(app): State<Arc<App>>) -> Answer {
    office_query(&app, office::Query::Findings).await
}

async fn open_documents(State(app): State<Arc<App>>) -> Answer {
    office_query(&app, office::Query::OpenDocuments).await
}

async fn ledger(State(app): State<Arc<App>>) -> Answer {
    let office::QueryAnswer::Ledger(accounts) = app.engine.office_query(office::Query::Ledger).await? else {
        return Err(Problem::not_found("the ledger", "the server's log says why"));
    };
    let mut sums = std::collections::BTreeMap::new();
    for (_, amount) in &accounts {
        *sums.entry(amount.currency().to_string()).or_insert(0_i64) += amount.minor();
    }
    Ok(Json(json!({"accounts": accounts, "sums_minor": sums})))
}

async fn put_owner(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>, body: Bytes) -> Answer {
    office_command(&app, &actor, office::Command::PutOwner(body_of(&body, "an owner as GET lists them")?))
        .await
}

async fn put_account(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>, body: Bytes) -> Answer {
    let row = body_of(&body, "{\"account\": \"a-01\", \"name\": \"A. Resident\", \"sites\": [\"rivitie\"]}")?;
    office_command(&app, &actor, office::Command::PutAccount(row)).await
}

async fn put_token(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>, body: Bytes) -> Answer {
    let row = body_of(
        &body,
        "{\"token\": \"04A1B2C3\", \"entry\": {\"holder\": {\"account\": \"a-01\"}, \"status\": \"valid\"}}",
    )?;
    office_command(&app, &actor, office::Command::PutToken(row)).await
}

async fn block_token(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path(token): Path<String>,
) -> Answer {
    let id: IdToken = parsed("token", &token)?;
    let no_token = || Problem::not_found(&format!("token `{token}`"), "GET /api/v1/tokens lists them");
    let office::QueryAnswer::Tokens(rows) = app.engine.office_query(office::Query::Tokens).await? else {
        return Err(no_token());
    };
    let mut row = rows.into_iter().find(|row| row.token == id).ok_or_else(no_token)?;
    row.entry.status = billing::directory::TokenStatus::Blocked;
    office_command(&app, &actor, office::Command::PutToken(row)).await
}

async fn put_tariff(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>, body: Bytes) -> Answer {
    office_command(&app, &actor, office::Command::PutTariff(body_of(&body, "a tariff as GET lists them")?))
        .await
}

async fn put_access(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>, body: Bytes) -> Answer {
    office_command(&app, &actor, office::Command::PutAccess(body_of(&body, "a row as GET lists them")?)).await
}

async fn put_prices(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>, body: Bytes) -> Answer {
    office_command(&app, &actor, office::Command::PutPrices(body_of(&body, "a list as GET lists them")?))
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolution {
    decision: billing::finding::Decision,
    reason: String,
}

async fn resolve(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path(cdr): Path<String>,
    body: Bytes,
) -> Answer {
    let number = cdr.parse().map_err(|_| Problem::unreadable("CDR", &cdr, "give its number"))?;
    let Resolution { decision, reason } = body_of(&body, "{\"decision\": \"write_off\", \"reason\": \"…\"}")?;
    office_command(&app, &actor, office::Command::Resolve { cdr: CdrId(number), decision, reason }).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Collection {
    document: billing::ledger::DocumentKey,
    method: billing::ledger::PaymentMethod,
}

async fn collect(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>, body: Bytes) -> Answer {
    let Collection { document, method } =
        body_of(&body, "{\"document\": {\"statement\": [\"a-01\", \"2026-01\"]}, \"method\": \"bank\"}")?;
    office_command(&app, &actor, office::Command::Collect { document, method }).await
}

async fn owner_month(State(app): State<Arc<App>>, Path((owner, month)): Path<(String, String)>) -> Answer {
    let (owner, month) = (parsed("owner", &owner)?, month_of(&month)?);
    office_query(&app, office::Query::OwnerMonth { owner, month }).await
}

async fn account_month(
    State(app): State<Arc<App>>,
    Path((account, month)): Path<(String, String)>,
) -> Answer {
    let (account, month) = (parsed("account", &account)?, month_of(&month)?);
    office_query(&app, office::Query::AccountMonth { account, month }).await
}

async fn month_end(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path((owner, month, verb)): Path<(String, String, String)>,
) -> Answer {
    let (owner, month) = (parsed("owner", &owner)?, month_of(&month)?);
    let asked = match verb.as_str() {
        "close" => office::Command::CloseMonth { owner, month },
        "settle" => office::Command::Settle { owner, month },
        "propose-payout" => office::Command::ProposePayout { owner, month },
        "approve-payout" => office::Command::ApprovePayout { owner, month },
        other => {
            let way_out = "use close, settle, propose-payout or approve-payout";
            return Err(Problem::not_found(&format!("command `{other}`"), way_out));
        }
    };
    office_command(&app, &actor, asked).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiToken {
    name: String,
}

async fn new_api_token(State(app): State<Arc<App>>, body: Bytes) -> Answer {
    let ApiToken { name } = body_of(&body, "{\"name\": \"accounting\"}")?;
    let token = app.credentials.new_token(&name).map_err(not_stored)?;
    Ok(Json(json!({"name": name, "token": token, "note": "it is not told again"})))
}

// Lists from the store.

async fn cdrs(State(app): State<Arc<App>>) -> Answer {
    let cdrs = app.store.cdrs_latest(CDRS_LISTED).await?;
    Ok(Json(json!(cdrs)))
}

/// How many CDRs a list holds.
const CDRS_LISTED: u32 = 500;

/// Ends of transactions that never began, frames that came after the seal: nothing is billed or held for them.
async fn doubts(State(app): State<Arc<App>>) -> Answer {
    let doubts = app.store.doubts(Page::first(DOUBTS_LISTED)).await?;
    Ok(Json(json!(doubts)))
}

/// How many doubts a list holds.
const DOUBTS_LISTED: u32 = 500;

/// What a station told besides transactions.
async fn notices(State(app): State<Arc<App>>, Path(station): Path<String>) -> Answer {
    let station: StationId = parsed("station", &station)?;
    let notices = app.store.notices(&station, Page::first(NOTICES_LISTED)).await?;
    Ok(Json(json!(notices)))
}

/// How many of them a list holds.
const NOTICES_LISTED: u32 = 500;

/// Who asked for what.
async fn audit(
    State(app): State<Arc<App>>,
    Query(asked): Query<AuditAsked>,
    Query(paged): Query<upkeep::Paged>,
) -> Answer {
    let instant = |name: &str, text: &Option<String>| {
        text.as_deref().map(|text| parsed::<Timestamp>(name, text)).transpose()
    };
    let filter = AuditFilter {
        station: asked.station.as_deref().map(|station| parsed("station", station)).transpose()?,
        actor: asked.actor,
        from: instant("from", &asked.from)?,
        before: instant("before", &asked.before)?,
    };
    Ok(Json(json!(app.store.audit(&filter, paged.page()).await?)))
}

/// Which entries of the audit.
#[derive(Debug, Deserialize)]
struct AuditAsked {
    station: Option<String>,
    actor: Option<String>,
    from: Option<String>,
    before: Option<String>,
}

// Helpers of all.

async fn query(app: &App, query: csms::Query) -> Answer {
    Ok(Json(sole(json!(app.engine.query(query).await?))))
}

async fn office_query(app: &App, query: office::Query) -> Answer {
    Ok(Json(sole(json!(app.engine.office_query(query).await?))))
}

pub(super) async fn command(app: &App, actor: &Actor, command: csms::Command) -> Answer {
    let whose = whose(&command);
    match app.engine.command(&actor.0, command).await? {
        csms::CommandAnswer::Done => Ok(Json(json!({"done": true}))),
        csms::CommandAnswer::Numbered(number) => Ok(Json(json!({"number": number}))),
        csms::CommandAnswer::Station(payload) => {
            Ok(Json(serde_json::from_str(&payload).unwrap_or_else(|_| Value::from(payload.as_ref()))))
        }
        csms::CommandAnswer::StationError { code, description } => Err(Problem::new(
            StatusCode::BAD_GATEWAY,
            format!("{whose} answered {code}: {description}"),
            "look at the payload, and at what the station supports",
        )),
        csms::CommandAnswer::NoAnswer(reason) => Err(Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("{whose} gave no answer: {reason}"),
            "look at GET /api/v1/stations whether it is online, then try again",
        )),
        csms::CommandAnswer::Refused(reasons) => {
            Err(Problem::several(StatusCode::CONFLICT, "refused; nothing was changed", reasons))
        }
    }
}

/// Whom a command concerns, for the answer.
fn whose(command: &csms::Command) -> String {
    match command {
        csms::Command::ConfigureSite(config) => format!("site {}", config.id),
        csms::Command::AddEvses { site, .. } => format!("site {site}"),
        csms::Command::Call { station, .. } | csms::Command::Secure { station, .. } => {
            format!("station {station}")
        }
        csms::Command::Acknowledge { alarm } => format!("alarm `{alarm}`"),
        csms::Command::Share { site, .. } | csms::Command::Terms { site, .. } => format!("site {site}"),
        csms::Command::Start { evse, .. }
        | csms::Command::Stop { evse }
        | csms::Command::Wish { evse, .. }
        | csms::Command::Decommission { evse, .. } => format!("EVSE {evse}"),
        csms::Command::Upkeep(_) => "the station".to_owned(),
    }
}

pub(super) async fn office_command(app: &App, actor: &Actor, command: office::Command) -> Answer {
    match app.engine.office_command(&actor.0, command).await? {
        office::CommandAnswer::Done => Ok(Json(json!({"done": true}))),
        office::CommandAnswer::Closed(month) => Ok(Json(json!(month))),
        office::CommandAnswer::Settled(settlement) => Ok(Json(json!(settlement))),
        office::CommandAnswer::Refused(refusals) => {
            let reasons = refusals.iter().map(ToString::to_string).collect();
            Err(Problem::several(StatusCode::CONFLICT, "refused; nothing was changed", reasons))
        }
    }
}

/// An answer without the name of its kind, which the path tells already.
fn sole(value: Value) -> Value {
    let is_sole = value.as_object().is_some_and(|map| map.len() == 1);
    if !is_sole {
        return value;
    }
    let Value::Object(map) = value else { return value };
    map.into_iter().next().map_or(Value::Null, |(_, inner)| inner)
}

pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    thing: &str,
    text: &str,
) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| Problem::unreadable(thing, text, error.to_string()))
}

fn month_of(text: &str) -> Result<CivilMonth, Problem> {
    text.parse().map_err(|_| Problem::unreadable("month", text, "write it as 2026-01"))
}

pub(super) fn body_of<T: DeserializeOwned>(body: &Bytes, example: &str) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let title = format!("the body cannot be read: {error}");
        Problem::new(StatusCode::BAD_REQUEST, title, format!("send JSON such as {example}"))
    })
}
