//! A station from the lobby becomes part of a site: its EVSEs, who may charge there, and its password.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use billing::directory::EvseTerms;
use charging::network::{EvseConfig, Wiring};
use office::record::AccessRow;
use serde::Deserialize;
use serde_json::{Value, json};
use units::{Amperes, CircuitId, EvseId, SiteId, StationId};

use super::api::{Answer, body_of, command, office_command, parsed};
use super::gate::Actor;
use super::{App, Problem, security};

/// So many EVSEs one station has at most.
const EVSES_MAX: u16 = 64;

/// Where a station is adopted into, and what it is like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Adoption {
    site: String,
    /// Each EVSE's own: it cannot be told from a neighbour's.
    wiring: String,
    /// An EVSE of the site that gives whatever is not said here.
    like: Option<String>,
    circuit: Option<String>,
    current_max_a: Option<serde_json::Number>,
    #[serde(default = "one")]
    evses: u16,
}

const fn one() -> u16 {
    1
}

/// Adopts a station.
pub async fn adopt(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Path(station): Path<String>,
    body: Bytes,
) -> Answer {
    let station: StationId = parsed("station", &station)?;
    let example = "{\"site\": \"house\", \"wiring\": \"L1L2L3\", \"like\": \"P01/1\"}";
    let adoption: Adoption = body_of(&body, example)?;
    let site: SiteId = parsed("site", &adoption.site)?;
    let like = adoption.like.as_deref().map(|like| parsed::<EvseId>("EVSE", like)).transpose()?;
    let pattern = pattern(&app, &station, &site, like.as_ref(), &adoption)?;
    if !(1..=EVSES_MAX).contains(&adoption.evses) {
        let title = format!("a station cannot have {} EVSEs", adoption.evses);
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            title,
            format!("give 1 to {EVSES_MAX}; nothing was changed"),
        ));
    }
    let ids: Vec<EvseId> =
        (1..=adoption.evses).map(|number| EvseId { station: station.clone(), number }).collect();
    let evses = ids.iter().map(|id| EvseConfig { id: id.clone(), ..pattern.clone() }).collect();
    let Json(_) = command(&app, &actor, csms::Command::AddEvses { site: site.clone(), evses }).await?;
    let mut refused = Vec::new();
    let terms = match &like {
        Some(like) => access_like(&app, like).await?,
        None => None,
    };
    if let Some(terms) = &terms {
        for evse in &ids {
            let mut last = terms.clone();
            last.valid_from = app.engine.now();
            let row = AccessRow { evse: evse.clone(), terms: vec![last], decommissioned_at: None };
            if let Err(problem) = office_command(&app, &actor, office::Command::PutAccess(row)).await {
                refused.extend(if problem.mistakes.is_empty() {
                    vec![problem.title]
                } else {
                    problem.mistakes
                });
            }
        }
    }
    let drawn = security::draw_where_missing(&app, &actor, std::iter::once(&station)).await?;
    let mut notes = vec![format!(
        "add its EVSEs to the file of site {site} before that is imported again: an import replaces the site"
    )];
    if terms.is_none() {
        notes.push("nobody may charge there yet: PUT /api/v1/access, or a site file, says who".to_owned());
    }
    notes.extend(refused.into_iter().map(|reason| format!("access was refused: {reason}")));
    let mut answer = json!({"station": station, "site": site, "evses": ids});
    if let Some(answer) = answer.as_object_mut() {
        if let Some(password) = drawn.get(station.as_str()) {
            answer.insert("password".to_owned(), password.clone());
            notes.push(security::TOLD_ONCE.to_owned());
        }
        answer.insert("notes".to_owned(), Value::from(notes));
    }
    Ok(Json(answer))
}

/// An EVSE as all of the station's will be, but for its number.
fn pattern(
    app: &App,
    station: &StationId,
    site: &SiteId,
    like: Option<&EvseId>,
    adoption: &Adoption,
) -> Result<EvseConfig, Problem> {
    let config = app.engine.site_config(site).ok_or_else(|| {
        Problem::not_found(
            &format!("site `{site}`"),
            "GET /api/v1/sites lists them; POST /api/v1/sites imports one",
        )
    })?;
    let found = like.map(|like| {
        config.evses.into_iter().find(|evse| evse.id == *like).ok_or_else(|| {
            Problem::not_found(
                &format!("EVSE `{like}` in site {site}"),
                "GET /api/v1/sites/{site} lists its EVSEs",
            )
        })
    });
    let found = found.transpose()?;
    let wiring: Wiring = parsed("wiring", &adoption.wiring)?;
    let circuit = adoption.circuit.as_deref().map(|circuit| parsed::<CircuitId>("circuit", circuit));
    let circuit = circuit.transpose()?.or_else(|| found.as_ref().map(|like| like.circuit.clone()));
    let current_max = adoption.current_max_a.as_ref().map(|number| {
        let text = number.to_string();
        text.parse::<Amperes>()
            .map_err(|_| Problem::unreadable("current_max_a", &text, "give amperes as a decimal, such as 16"))
    });
    let current_max = current_max.transpose()?.or_else(|| found.as_ref().map(|like| like.current_max));
    let (Some(circuit), Some(current_max)) = (circuit, current_max) else {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "neither an EVSE that it is like is named, nor its circuit and the most that it may draw",
            "give `like`, or both `circuit` and `current_max_a`; nothing was changed",
        ));
    };
    let first = EvseId { station: station.clone(), number: 1 };
    Ok(match found {
        // What a drill showed of a neighbour it did not show of this one.
        Some(like) => EvseConfig {
            id: first,
            circuit,
            wiring,
            current_max,
            name: String::new(),
            is_fallback_proven: false,
            fallback_survives_boot: false,
            is_in_use: true,
            ..like
        },
        None => of_defaults(first, circuit, wiring, current_max)?,
    })
}

/// An EVSE of which no more is said: the rest is what an EVSE's configuration defaults to.
fn of_defaults(
    id: EvseId,
    circuit: CircuitId,
    wiring: Wiring,
    current_max: Amperes,
) -> Result<EvseConfig, Problem> {
    let said =
        json!({"id": id, "circuit": circuit, "name": "", "wiring": wiring, "current_max": current_max});
    serde_json::from_value(said).map_err(|error| {
        let title = format!("EVSE {id} cannot be configured by defaults: {error}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, title, "name an EVSE that it is like")
    })
}

/// The terms that hold at an EVSE, where anybody may charge there.
async fn access_like(app: &App, like: &EvseId) -> Result<Option<EvseTerms>, Problem> {
    let office::QueryAnswer::Access(rows) = app.engine.office_query(office::Query::Access).await? else {
        return Ok(None);
    };
    let row = rows.into_iter().find(|row| row.evse == *like);
    Ok(row.and_then(|row| row.terms.into_iter().next_back()))
}
