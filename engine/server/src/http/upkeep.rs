//! Jobs, templates, local lists, reservations and uploads, as people and programs ask for them.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use csms::upkeep::{Answered, ErrandState, JobOrder, Plan, Secret, Selection, Template, UpkeepCommand, Work};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use store::list::Page;
use tokio::io::AsyncReadExt;
use units::{EvseId, IdToken, StationId, TimeSpan, Timestamp};

use super::api::{Answer, body_of, command, parsed};
use super::gate::Actor;
use super::{App, Problem};
use crate::secret;

/// What there is.
pub(super) const PATHS: &[(&str, &str)] = &[
    (
        "GET /api/v1/jobs, POST /api/v1/jobs",
        "work at many stations: {\"work\": {\"do\": …}, \"selection\", \"plan\", \"name\", \"within_minutes\"}; see GET /api/v1/works",
    ),
    ("GET /api/v1/works", "what a job can do, by example"),
    ("GET /api/v1/jobs/{job}", "a job with what became of it at each station"),
    (
        "POST /api/v1/jobs/{job}/{cancel|resume}",
        "nothing further begins; or it goes on in spite of what failed",
    ),
    (
        "POST /api/v1/stations/{station}/work",
        "the same at one station that is here: {\"do\": …}; answered when it is done",
    ),
    ("GET /api/v1/templates, PUT /api/v1/templates", "how stations of a model are to be set"),
    ("DELETE /api/v1/templates/{template}", "it holds no more"),
    ("GET /api/v1/stations/{station}/settings", "how it took what templates want, and what drifted"),
    (
        "POST /api/v1/settings/check",
        "looks at the settings of {\"site\", \"stations\", \"vendor\", \"model\", \"firmware\"} now",
    ),
    ("GET /api/v1/local-lists", "local authorization lists"),
    ("PUT /api/v1/stations/{station}/local-list", "{\"is_kept\"}: it follows the directory, or is emptied"),
    (
        "GET /api/v1/reservations, POST /api/v1/reservations",
        "{\"evse\", \"token\", \"until\"}: holds an EVSE",
    ),
    ("DELETE /api/v1/reservations/{reservation}", "ends it"),
    ("GET /api/v1/availability", "what operators took out of service, and back"),
    ("GET /api/v1/uploads", "files that stations were asked for"),
    ("GET /api/v1/uploads/{upload}/file", "one of them"),
];

/// All paths of upkeep.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/works", get(works))
        .route("/api/v1/jobs", get(jobs).post(begin))
        .route("/api/v1/jobs/{job}", get(job))
        .route("/api/v1/jobs/{job}/{verb}", post(change_job))
        .route("/api/v1/stations/{station}/work", post(work))
        .route("/api/v1/templates", get(templates).put(put_template))
        .route("/api/v1/templates/{template}", axum::routing::delete(remove_template))
        .route("/api/v1/stations/{station}/settings", get(settings))
        .route("/api/v1/settings/check", post(check_settings))
        .route("/api/v1/local-lists", get(local_lists))
        .route("/api/v1/stations/{station}/local-list", put(keep_list))
        .route("/api/v1/reservations", get(reservations).post(reserve))
        .route("/api/v1/reservations/{reservation}", axum::routing::delete(cancel_reservation))
        .route("/api/v1/availability", get(availability))
        .route("/api/v1/uploads", get(uploads))
        .route("/api/v1/uploads/{upload}/file", get(file))
}

/// How many rows a list holds unless `?limit=` says otherwise.
const LISTED: u32 = 200;

/// Which part of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Paged {
    limit: Option<u32>,
    after: Option<u64>,
}

impl Paged {
    pub(super) fn page(&self) -> Page {
        Page { limit: self.limit.unwrap_or(LISTED).clamp(1, 1_000), after: self.after }
    }
}

async fn works() -> Answer {
    Ok(Json(json!({
        "call": {"do": "call", "action": "TriggerMessage", "payload": {"requestedMessage": "Heartbeat"}},
        "reset": {"do": "reset", "how": "soft"},
        "unlock": {"do": "unlock", "evse": 1},
        "availability": {"do": "availability", "evse": 1, "is_operative": false},
        "clear_cache": {"do": "clear_cache"},
        "firmware": {"do": "firmware", "url": "https://firmware.example/1.3.bin", "version": "1.3",
            "signed": {"certificate": "-----BEGIN CERTIFICATE-----…", "signature": "base64"}},
        "diagnostics": {"do": "diagnostics", "log": "diagnostics", "from": "2026-01-14T00:00:00Z"},
        "move": {"do": "move", "url": "wss://other.example/ocpp", "key": "CentralSystemUrl", "slot": 2, "security_profile": 2},
        "plan": {
            "waves": [1, 5, 20], "failures_max": 0, "waits_for_idle": true, "patience_minutes": 120,
            "window": {"from": "01:00", "until": "05:00"},
        },
        "selection": {"site": "house", "stations": ["P01"], "vendor": "ABB", "model": "Terra*", "firmware": "1.8.*"},
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobBody {
    work: Work,
    #[serde(default)]
    selection: Selection,
    #[serde(default)]
    plan: Plan,
    #[serde(default)]
    name: String,
    #[serde(default = "a_day")]
    within_minutes: u32,
}

const fn a_day() -> u32 {
    24 * 60
}

async fn begin(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>, body: Bytes) -> Answer {
    let example = "{\"work\": {\"do\": \"reset\"}, \"selection\": {\"site\": \"house\"}}";
    let JobBody { work, selection, plan, name, within_minutes } = body_of(&body, example)?;
    let order = JobOrder {
        uploads: upload_address(&app, &work)?,
        within: TimeSpan::from_minutes(within_minutes.into()),
        answered: Answered::AtOnce,
        name: name.chars().take(200).collect(),
        work,
        selection,
        plan,
    };
    let Json(answer) = upkeep(&app, &actor, UpkeepCommand::Begin(Box::new(order))).await?;
    Ok(Json(json!({"job": answer["number"]})))
}

/// Work at one station that is here: answered with what became of it.
async fn work(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path(station): Path<String>,
    body: Bytes,
) -> Answer {
    let station: StationId = parsed("station", &station)?;
    let work: Work = body_of(&body, "{\"do\": \"reset\", \"how\": \"soft\"}")?;
    // What goes on after the answer is a job to look at.
    let answered = match &work {
        Work::Firmware { .. } | Work::Diagnostics { .. } | Work::Move { .. } => Answered::AtOnce,
        Work::Call { .. }
        | Work::Reset { .. }
        | Work::Unlock { .. }
        | Work::Availability { .. }
        | Work::ClearCache => Answered::AtTheEnd,
    };
    let order = JobOrder {
        uploads: upload_address(&app, &work)?,
        name: work.to_string(),
        work,
        selection: Selection { stations: Some([station.clone()].into()), ..Selection::default() },
        plan: Plan::default(),
        within: TimeSpan::ZERO,
        answered,
    };
    let Json(answer) = upkeep(&app, &actor, UpkeepCommand::Begin(Box::new(order))).await?;
    let Some(number) = answer["number"].as_u64() else { return Ok(Json(answer)) };
    let (_, errands) = app.store.job(number).await?.ok_or_else(|| no_job(&number.to_string()))?;
    match errands.into_iter().next() {
        Some(errand) if errand.state == ErrandState::Failed => Err(Problem::new(
            StatusCode::BAD_GATEWAY,
            format!("station {station} did not do it: {}", errand.word),
            "look at what the station supports, and at its settings",
        )),
        errand => Ok(Json(json!({"job": number, "errand": errand}))),
    }
}

/// Where stations send files to, with chance for the secret parts of their addresses.
fn upload_address(app: &App, work: &Work) -> Result<Option<(String, Secret)>, Problem> {
    let (Work::Diagnostics { .. }, Some(base)) = (work, app.uploads.base()) else { return Ok(None) };
    let secret = secret::new_key().map_err(|error| {
        let title = format!("no secret can be drawn from /dev/urandom: {error}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, title, "nothing was changed")
    })?;
    Ok(Some((base, Secret(secret))))
}

async fn jobs(State(app): State<Arc<App>>, Query(paged): Query<Paged>) -> Answer {
    Ok(Json(json!(app.store.jobs(paged.page()).await?)))
}

async fn job(State(app): State<Arc<App>>, Path(job): Path<String>) -> Answer {
    let (row, errands) = app.store.job(number_of("job", &job)?).await?.ok_or_else(|| no_job(&job))?;
    let mut counts = std::collections::BTreeMap::new();
    for errand in &errands {
        *counts.entry(errand.state).or_insert(0_u64) += 1;
    }
    let counts: serde_json::Map<String, serde_json::Value> = counts
        .into_iter()
        .filter_map(|(state, count)| Some((json!(state).as_str()?.to_owned(), count.into())))
        .collect();
    Ok(Json(json!({"job": row, "counts": counts, "errands": errands})))
}

async fn change_job(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path((job, verb)): Path<(String, String)>,
) -> Answer {
    let job = number_of("job", &job)?;
    let asked = match verb.as_str() {
        "cancel" => UpkeepCommand::Cancel { job },
        "resume" => UpkeepCommand::Resume { job },
        other => return Err(Problem::not_found(&format!("command `{other}`"), "use cancel or resume")),
    };
    upkeep(&app, &actor, asked).await
}

fn no_job(job: &str) -> Problem {
    Problem::not_found(&format!("job `{job}`"), "GET /api/v1/jobs lists them")
}

// How stations are to be.

async fn templates(State(app): State<Arc<App>>) -> Answer {
    Ok(Json(json!(app.store.templates().await?)))
}

async fn put_template(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> Answer {
    let example = "{\"id\": \"terra\", \"vendor\": \"ABB\", \"model\": \"Terra*\", \"settings\": [{\"key\": \
                   \"HeartbeatInterval\", \"value\": \"300\"}, {\"component\": \"OCPPCommCtrlr\", \"variable\": \
                   \"HeartbeatInterval\", \"value\": \"300\"}]}";
    let template: Template = body_of(&body, example)?;
    upkeep(&app, &actor, UpkeepCommand::PutTemplate(Box::new(template))).await
}

async fn remove_template(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Answer {
    upkeep(&app, &actor, UpkeepCommand::RemoveTemplate { id }).await
}

async fn settings(State(app): State<Arc<App>>, Path(station): Path<String>) -> Answer {
    let id: StationId = parsed("station", &station)?;
    let row = app.store.settings(&id).await?.ok_or_else(|| {
        Problem::not_found(
            &format!("a look at the settings of station `{station}`"),
            "set a template for its model first",
        )
    })?;
    Ok(Json(json!(row)))
}

async fn check_settings(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> Answer {
    let selection: Selection =
        if body.is_empty() { Selection::default() } else { body_of(&body, "{\"site\": \"house\"}")? };
    let Json(answer) = upkeep(&app, &actor, UpkeepCommand::CheckSettings(selection)).await?;
    Ok(Json(json!({"stations": answer["number"]})))
}

async fn local_lists(State(app): State<Arc<App>>) -> Answer {
    Ok(Json(json!(app.store.local_lists().await?)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListBody {
    is_kept: bool,
}

async fn keep_list(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path(station): Path<String>,
    body: Bytes,
) -> Answer {
    let station = parsed("station", &station)?;
    let ListBody { is_kept } = body_of(&body, "{\"is_kept\": true}")?;
    upkeep(&app, &actor, UpkeepCommand::KeepList { station, is_kept }).await
}

async fn reservations(State(app): State<Arc<App>>, Query(paged): Query<Paged>) -> Answer {
    Ok(Json(json!(app.store.reservations(paged.page()).await?)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReservationBody {
    evse: EvseId,
    token: IdToken,
    until: String,
}

async fn reserve(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>, body: Bytes) -> Answer {
    let example = "{\"evse\": \"P01/1\", \"token\": \"04A1B2C3\", \"until\": \"2026-01-31T17:30:00Z\"}";
    let ReservationBody { evse, token, until } = body_of(&body, example)?;
    let until: Timestamp = parsed("until", &until)?;
    let Json(answer) = upkeep(&app, &actor, UpkeepCommand::Reserve { evse, token, until }).await?;
    Ok(Json(json!({"reservation": answer["number"]})))
}

async fn cancel_reservation(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path(reservation): Path<String>,
) -> Answer {
    let number = number_of("reservation", &reservation)?;
    let reservation = u32::try_from(number).map_err(|_| {
        Problem::unreadable("reservation", &reservation, "GET /api/v1/reservations lists them")
    })?;
    upkeep(&app, &actor, UpkeepCommand::CancelReservation { reservation }).await
}

async fn availability(State(app): State<Arc<App>>) -> Answer {
    Ok(Json(json!(app.store.availability().await?)))
}

// Files.

async fn uploads(State(app): State<Arc<App>>, Query(paged): Query<Paged>) -> Answer {
    let rows = app.store.uploads(paged.page()).await?;
    let told = rows.into_iter().map(|row| {
        json!({
            "upload": row.upload, "station": row.station, "site": row.site, "job": row.job, "asked_at": row.asked_at,
            "until": row.until, "received": row.received,
        })
    });
    Ok(Json(told.collect()))
}

async fn file(State(app): State<Arc<App>>, Path(upload): Path<String>) -> Result<Response, Problem> {
    let none =
        || Problem::not_found(&format!("a file of upload `{upload}`"), "GET /api/v1/uploads lists what came");
    let number = number_of("upload", &upload)?;
    let received = app.store.upload(number).await?.and_then(|row| row.received).ok_or_else(none)?;
    let file = tokio::fs::File::open(app.uploads.file(number)).await.map_err(|_| none())?;
    let chunks = stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; 64 * 1_024];
        let count = file.read(&mut chunk).await?;
        chunk.truncate(count);
        Ok::<_, std::io::Error>((count > 0).then_some((Bytes::from(chunk), file)))
    });
    let mut response = Body::from_stream(chunks).into_response();
    let named = format!("attachment; filename=\"{}\"", received.name);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(received.bytes));
    if let Ok(named) = HeaderValue::from_str(&named) {
        headers.insert(header::CONTENT_DISPOSITION, named);
    }
    Ok(response)
}

fn number_of(thing: &str, text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::unreadable(thing, text, "give its number"))
}

async fn upkeep(app: &App, actor: &Actor, asked: UpkeepCommand) -> Answer {
    command(app, actor, csms::Command::Upkeep(asked)).await
}
