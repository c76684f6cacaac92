//! What stations must prove, and their passwords: shown, set and drawn. A password in the clear is told once, to whoever
//! had it drawn.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use csms::{Lowering, PasswordChange, SecurityProfile};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use units::StationId;

use super::api::{Answer, body_of, command, parsed};
use super::gate::Actor;
use super::{App, Problem};
use crate::password::Password;

/// What is told beside a password in the clear.
pub const TOLD_ONCE: &str = "the password is not told again";

/// What a station must prove; nothing of its password but that there is one.
pub async fn show(State(app): State<Arc<App>>, Path(station): Path<String>) -> Answer {
    let station: StationId = parsed("station", &station)?;
    if !app.engine.knows_station(&station) && app.door.row(&station).is_none() {
        return Err(Problem::not_found(
            &format!("station `{station}`"),
            "GET /api/v1/stations lists those of sites, GET /api/v1/lobby those that knocked",
        ));
    }
    Ok(Json(told(&app, &station)))
}

/// What an operator wants of a station.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The least it must prove; none leaves it, and raises it to 1 where a password is set for a station without.
    profile: Option<SecurityProfile>,
    /// Its new password.
    password: Option<String>,
    /// Draws a new password.
    #[serde(default)]
    draw_password: bool,
    /// A lower profile than before is meant.
    #[serde(default)]
    lower: bool,
}

/// Sets what a station must prove, and perhaps its password.
pub async fn put(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path(station): Path<String>,
    body: Bytes,
) -> Answer {
    let station: StationId = parsed("station", &station)?;
    let wanted: Wanted = body_of(&body, "{\"profile\": 1, \"draw_password\": true}")?;
    set(&app, &actor, station, wanted).await
}

/// A password as it is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    password: Option<String>,
}

/// Sets a station's password, or draws one where there is no body.
pub async fn put_password(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path(station): Path<String>,
    body: Bytes,
) -> Answer {
    let station: StationId = parsed("station", &station)?;
    let Chosen { password } = if body.is_empty() {
        Chosen::default()
    } else {
        body_of(&body, "{\"password\": \"16 to 40 characters\"}")?
    };
    let draw_password = password.is_none();
    set(&app, &actor, station, Wanted { password, draw_password, ..Wanted::default() }).await
}

async fn set(app: &App, actor: &Actor, station: StationId, wanted: Wanted) -> Answer {
    let Wanted { profile, password, draw_password, lower } = wanted;
    let password = match password {
        Some(_) if draw_password => {
            return Err(unfit("a password is given and one is to be drawn", "leave one of the two out"));
        }
        Some(text) => Some(
            Password::choose(&text).map_err(|reason| unfit(&reason.to_string(), "nothing was changed"))?,
        ),
        None if draw_password => Some(draw()?),
        None => None,
    };
    let required = app.door.required_of(&station);
    let profile = profile.unwrap_or_else(|| match &password {
        Some(_) => required.max(SecurityProfile::Basic),
        None => required,
    });
    if profile > app.security_most {
        let way_out = match profile {
            SecurityProfile::MutualTls => "start the server with --listen-ocpp-tls and --tls-client-ca first",
            SecurityProfile::Unauthenticated | SecurityProfile::Basic | SecurityProfile::BasicOverTls => {
                "start the server with --listen-ocpp-tls first"
            }
        };
        let title = format!(
            "no station can prove security profile {profile} here, at most {}: station {station} would be locked out",
            app.security_most
        );
        return Err(Problem::new(StatusCode::CONFLICT, title, way_out));
    }
    let lowering = if lower { Lowering::Meant } else { Lowering::Refused };
    secure(app, actor, &station, profile, password.clone(), lowering).await?;
    let mut answer = told(app, &station);
    if let (Some(password), Some(answer)) = (password, answer.as_object_mut()) {
        answer.insert("password".to_owned(), Value::from(password.reveal()));
        answer.insert("note".to_owned(), Value::from(TOLD_ONCE));
    }
    Ok(Json(answer))
}

/// Draws a password for each of these stations that has none and needs one: by station, to be told once.
pub async fn draw_where_missing(
    app: &App,
    actor: &Actor,
    stations: impl Iterator<Item = &StationId>,
) -> Result<Map<String, Value>, Problem> {
    let mut drawn = Map::new();
    if !app.door.least().needs_password() {
        return Ok(drawn);
    }
    for station in stations {
        if app.door.is_secured(station) || drawn.contains_key(station.as_str()) {
            continue;
        }
        let (profile, password) = (app.door.required_of(station), draw()?);
        secure(app, actor, station, profile, Some(password.clone()), Lowering::Refused).await?;
        drawn.insert(station.to_string(), Value::from(password.reveal()));
    }
    Ok(drawn)
}

async fn secure(
    app: &App,
    actor: &Actor,
    station: &StationId,
    profile: SecurityProfile,
    password: Option<Password>,
    lowering: Lowering,
) -> Result<(), Problem> {
    let station = station.clone();
    let password = match password {
        Some(password) => PasswordChange::Set(
            tokio::task::spawn_blocking(move || password.to_stored())
                .await
                .map_err(anyhow::Error::from)
                .and_then(|stored| stored)
                .map_err(|error| failed(&format!("the password cannot be hashed: {error:#}")))?,
        ),
        None => PasswordChange::Kept,
    };
    let asked = csms::Command::Secure { station: station.clone(), profile, password, lowering };
    let Json(_) = command(app, actor, asked).await?;
    tracing::info!(%station, security_profile = %profile, actor = %actor.0, "what the station must prove was set");
    Ok(())
}

fn draw() -> Result<Password, Problem> {
    Password::draw().map_err(|error| failed(&format!("no password can be drawn from /dev/urandom: {error}")))
}

fn told(app: &App, station: &StationId) -> Value {
    let row = app.door.row(station);
    json!({
        "station": station,
        "profile": app.door.required_of(station),
        "profile_least": app.door.least(),
        "has_password": row.as_ref().is_some_and(|row| row.password.is_some()),
        "changed_at": row.map(|row| row.changed_at),
    })
}

fn unfit(title: &str, way_out: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title, way_out)
}

fn failed(title: &str) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, title, "nothing was changed")
}
