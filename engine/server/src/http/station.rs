//! All that is known of a station, and its frames.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use csms::query::StationDetail;
use serde::Deserialize;
use serde_json::{Value, json};
use units::{StationId, Timestamp};

use super::api::{Answer, parsed};
use super::{App, Problem};
use crate::explain;
use crate::frame_history::{self, Filter, Logged};
use crate::frame_log::Direction;
use crate::web::{Language, finding_in_words};

/// So many frames are told where nothing is said.
const FRAMES_USUALLY: usize = 200;
/// And so many at most; a file holds more.
const FRAMES_MOST: usize = 1_000;
const FRAMES_IN_FILE: usize = 100_000;

/// The paths of stations.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/stations/{station}", get(show))
        .route("/api/v1/stations/{station}/frames", get(frames))
        .route("/api/v1/stations/{station}/frames.log", get(frames_file))
        .route("/api/v1/quirks", get(quirks))
}

async fn show(State(app): State<Arc<App>>, Path(station): Path<String>) -> Answer {
    let id = parsed("station", &station)?;
    let detail = detail(&app, &id).await?;
    let words: Vec<Value> = detail
        .findings
        .iter()
        .map(|finding| {
            let [what, way_out] = finding_in_words(finding, Language::English);
            json!({"finding": finding, "what": what, "way_out": way_out})
        })
        .collect();
    let mut answer = json!(detail);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("findings".to_owned(), Value::from(words));
        answer.insert("is_authenticated".to_owned(), Value::from(app.door.is_secured(&id)));
        answer.insert("security_profile".to_owned(), json!(app.door.required_of(&id)));
    }
    Ok(Json(answer))
}

/// A station, or that no site names it.
pub async fn detail(app: &App, station: &StationId) -> Result<StationDetail, Problem> {
    match app.engine.query(csms::Query::Station(station.clone())).await? {
        csms::QueryAnswer::Station(Some(detail)) => Ok(*detail),
        csms::QueryAnswer::Station(None)
        | csms::QueryAnswer::Sites(_)
        | csms::QueryAnswer::Plan(_)
        | csms::QueryAnswer::Terms(_)
        | csms::QueryAnswer::Site(_)
        | csms::QueryAnswer::Stations(_)
        | csms::QueryAnswer::Sessions(_)
        | csms::QueryAnswer::Alarms(_) => Err(Problem::not_found(
            &format!("station `{station}`"),
            "GET /api/v1/stations lists them; unknown ones are in GET /api/v1/lobby",
        )),
    }
}

async fn quirks(State(app): State<Arc<App>>) -> Answer {
    Ok(Json(json!(app.engine.quirk_table().entries())))
}

/// Which frames, as they are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    from: Option<String>,
    until: Option<String>,
    /// `in` or `out`.
    pub direction: Option<String>,
    /// Calls of this action, and answers to them.
    pub action: Option<String>,
    /// What they hold.
    pub text: Option<String>,
    before: Option<u64>,
    limit: Option<usize>,
    /// Of the page.
    pub language: Option<String>,
}

impl Wanted {
    fn filter(&self, station: StationId, most: usize, usually: usize) -> Result<Filter, Problem> {
        let instant = |name: &str, text: &Option<String>| -> Result<Option<Timestamp>, Problem> {
            let given = text.as_deref().filter(|text| !text.is_empty());
            given.map(|text| parsed::<Timestamp>(name, text)).transpose()
        };
        let direction = match self.direction.as_deref().filter(|word| !word.is_empty()) {
            None => None,
            Some("in") => Some(Direction::In),
            Some("out") => Some(Direction::Out),
            Some(other) => {
                return Err(Problem::unreadable("direction", other, "give `in` (from the station) or `out`"));
            }
        };
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Ok(Filter {
            station,
            from: instant("from", &self.from)?,
            until: instant("until", &self.until)?,
            direction,
            action: some(&self.action),
            text: some(&self.text),
            before: self.before,
            limit: self.limit.unwrap_or(usually).clamp(1, most),
        })
    }
}

/// The frames that are wanted, the newest first.
pub async fn frames_of(app: &App, station: StationId, wanted: &Wanted) -> Result<Vec<Logged>, Problem> {
    read(app, wanted.filter(station, FRAMES_MOST, FRAMES_USUALLY)?).await
}

async fn read(app: &App, filter: Filter) -> Result<Vec<Logged>, Problem> {
    let directory = app.frames.clone();
    let read = tokio::task::spawn_blocking(move || frame_history::read(&directory, &filter)).await;
    let problem = |reason: String| {
        tracing::error!("the frame log cannot be read: {reason}");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the frame log cannot be read",
            "the server's log says why",
        )
    };
    read.map_err(|error| problem(error.to_string()))?.map_err(|error| problem(error.to_string()))
}

async fn frames(
    State(app): State<Arc<App>>,
    Path(station): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let frames = frames_of(&app, parsed("station", &station)?, &wanted).await?;
    let told = frames.iter().map(|frame| {
        let mut told = json!(frame);
        if let Some(told) = told.as_object_mut() {
            told.insert("words".to_owned(), Value::from(explain::in_words(frame, Language::English)));
        }
        told
    });
    Ok(Json(Value::from(told.collect::<Vec<_>>())))
}

/// The same as a file, the oldest first, as the log holds them.
async fn frames_file(
    State(app): State<Arc<App>>,
    Path(station): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let id: StationId = parsed("station", &station)?;
    let frames = read(&app, wanted.filter(id.clone(), FRAMES_IN_FILE, FRAMES_IN_FILE)?).await?;
    let line = |frame: &Logged| {
        let arrow = if frame.is_from_station { '<' } else { '>' };
        format!("{}\t{}\t{id}\t{arrow}\t{}\n", frame.number, frame.at, frame.text)
    };
    let text: String = frames.iter().rev().map(line).collect();
    let name: String =
        id.as_str().chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    let mut response = text.into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}-frames.log\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
