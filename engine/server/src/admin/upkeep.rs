//! `wattery admin` for upkeep: jobs, templates, local lists, reservations, uploads.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::{Ask, get, send};

/// Commands about jobs.
#[derive(Debug, Subcommand)]
pub enum Job {
    /// All jobs, the newest first
    List,
    /// One job, with what became of it at each station
    Show {
        /// Its number
        job: u64,
    },
    /// What a job can do, by example
    Works,
    /// Begin a job from a JSON file, such as {"work": {"do": "reset"}, "selection": {"site": "house"}}; `-` reads it from
    /// standard input
    Begin {
        /// The file
        file: PathBuf,
    },
    /// Nothing further of a job begins
    Cancel {
        /// Its number
        job: u64,
    },
    /// A job that stopped goes on in spite of what failed
    Resume {
        /// Its number
        job: u64,
    },
}

/// Commands about templates.
#[derive(Debug, Subcommand)]
pub enum Template {
    /// All templates
    List,
    /// Set a template from a JSON file; `-` reads it from standard input
    Put {
        /// The file
        file: PathBuf,
    },
    /// A template holds no more; what it set stays set
    Remove {
        /// Its name
        template: String,
    },
    /// Look at the settings of all stations now, or of those of a site
    Check {
        /// The site
        #[arg(long)]
        site: Option<String>,
    },
}

/// Commands about reservations.
#[derive(Debug, Subcommand)]
pub enum Reservation {
    /// All reservations, the newest first
    List,
    /// Hold an EVSE for a driver's token
    Add {
        /// The EVSE, such as P01/1
        evse: String,
        /// The token
        #[arg(value_name = "TOKEN")]
        of_driver: String,
        /// Until when, such as 2026-01-31T17:30:00Z
        #[arg(long)]
        until: String,
    },
    /// End a reservation
    Cancel {
        /// Its number
        reservation: u32,
    },
}

/// Commands about one station.
#[derive(Debug, Subcommand)]
pub enum AtStation {
    /// Restart it, once it is idle unless --hard
    Reset {
        /// The station's id
        station: String,
        /// At once
        #[arg(long)]
        hard: bool,
    },
    /// Let a cable go
    Unlock {
        /// The station's id
        station: String,
        /// The EVSE's number
        #[arg(default_value_t = 1)]
        evse: u16,
    },
    /// Take it, or one EVSE, out of service
    Disable {
        /// The station's id
        station: String,
        /// The EVSE's number; without it all of the station
        #[arg(long)]
        evse: Option<u16>,
    },
    /// Take it, or one EVSE, back into service
    Enable {
        /// The station's id
        station: String,
        /// The EVSE's number; without it all of the station
        #[arg(long)]
        evse: Option<u16>,
    },
    /// Have it send its diagnostics; `admin upload list` shows what came
    Diagnostics {
        /// The station's id
        station: String,
        /// What concerns security instead
        #[arg(long)]
        security: bool,
    },
    /// How it took what templates want, and what drifted
    Settings {
        /// The station's id
        station: String,
    },
    /// Keep its local list as the directory is
    KeepList {
        /// The station's id
        station: String,
    },
    /// Empty its local list
    EmptyList {
        /// The station's id
        station: String,
    },
    /// Who asked what of it, and how it ended
    Audit {
        /// The station's id
        station: String,
    },
}

pub(super) fn job(what: &Job) -> anyhow::Result<Ask> {
    Ok(match what {
        Job::List => get("/api/v1/jobs"),
        Job::Show { job } => get(&format!("/api/v1/jobs/{job}")),
        Job::Works => get("/api/v1/works"),
        Job::Begin { file } => send("POST", "/api/v1/jobs".to_owned(), &text_of(file)?),
        Job::Cancel { job } => send("POST", format!("/api/v1/jobs/{job}/cancel"), ""),
        Job::Resume { job } => send("POST", format!("/api/v1/jobs/{job}/resume"), ""),
    })
}

pub(super) fn template(what: &Template) -> anyhow::Result<Ask> {
    Ok(match what {
        Template::List => get("/api/v1/templates"),
        Template::Put { file } => send("PUT", "/api/v1/templates".to_owned(), &text_of(file)?),
        Template::Remove { template } => send("DELETE", format!("/api/v1/templates/{template}"), ""),
        Template::Check { site } => {
            let body = site.as_ref().map(|site| json!({"site": site}).to_string()).unwrap_or_default();
            send("POST", "/api/v1/settings/check".to_owned(), &body)
        }
    })
}

pub(super) fn reservation(what: &Reservation) -> Ask {
    match what {
        Reservation::List => get("/api/v1/reservations"),
        Reservation::Add { evse, of_driver, until } => {
            let body = json!({"evse": evse, "token": of_driver, "until": until});
            send("POST", "/api/v1/reservations".to_owned(), &body.to_string())
        }
        Reservation::Cancel { reservation } => {
            send("DELETE", format!("/api/v1/reservations/{reservation}"), "")
        }
    }
}

pub(super) fn at_station(what: &AtStation) -> Ask {
    let work = |station: &str, work: serde_json::Value| {
        send("POST", format!("/api/v1/stations/{station}/work"), &work.to_string())
    };
    let list = |station: &str, is_kept: bool| {
        let body = json!({"is_kept": is_kept}).to_string();
        send("PUT", format!("/api/v1/stations/{station}/local-list"), &body)
    };
    match what {
        AtStation::Reset { station, hard } => {
            work(station, json!({"do": "reset", "how": if *hard { "hard" } else { "soft" }}))
        }
        AtStation::Unlock { station, evse } => work(station, json!({"do": "unlock", "evse": evse})),
        AtStation::Disable { station, evse } => {
            work(station, json!({"do": "availability", "evse": evse, "is_operative": false}))
        }
        AtStation::Enable { station, evse } => {
            work(station, json!({"do": "availability", "evse": evse, "is_operative": true}))
        }
        AtStation::Diagnostics { station, security } => {
            let log = if *security { "security" } else { "diagnostics" };
            work(station, json!({"do": "diagnostics", "log": log}))
        }
        AtStation::Settings { station } => get(&format!("/api/v1/stations/{station}/settings")),
        AtStation::KeepList { station } => list(station, true),
        AtStation::EmptyList { station } => list(station, false),
        AtStation::Audit { station } => get(&format!("/api/v1/audit?station={station}")),
    }
}

fn text_of(file: &std::path::Path) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        return std::io::read_to_string(std::io::stdin()).context("standard input cannot be read");
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
