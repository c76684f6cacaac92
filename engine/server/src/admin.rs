//! `wattery admin`: a client of the API, so that there is one writer.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use wire::http::Api;

use crate::credentials::TOKEN_FILE;
use crate::say;

mod upkeep;

/// Flags of `wattery admin`.
#[derive(Debug, Args)]
pub struct AdminArgs {
    /// Where the server's pages and API are
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8080",
        env = "WATTERY_API"
    )]
    pub api: String,
    /// The token; without it the file `token` of the data directory is read
    #[arg(long, global = true, env = "WATTERY_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The server's data directory, where it is on this machine
    #[arg(long, global = true, value_name = "DIR", default_value = "wattery-data", env = "WATTERY_DATA_DIR")]
    pub data: String,
    /// What to ask
    #[command(subcommand)]
    pub what: What,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Sites: circuits, EVSEs, owner, tariffs
    #[command(subcommand)]
    Site(Site),
    /// Charging stations
    #[command(subcommand)]
    Station(Station),
    /// Work at many stations: firmware, restarts, diagnostics, moves, any call
    #[command(subcommand)]
    Job(upkeep::Job),
    /// How stations of a model are to be set
    #[command(subcommand)]
    Template(upkeep::Template),
    /// EVSEs that are held for drivers
    #[command(subcommand)]
    Reservation(upkeep::Reservation),
    /// Local authorization lists
    LocalLists,
    /// What was taken out of service, and back
    Availability,
    /// Files that stations were asked for, the newest first
    Uploads,
    /// Tokens of drivers
    #[command(subcommand)]
    Token(Token),
    /// Accounts of drivers
    #[command(subcommand)]
    Account(Account),
    /// An owner's month: show, close, settle, pay out
    Month {
        /// What to do
        #[arg(value_parser = ["show", "close", "settle", "propose-payout", "approve-payout"])]
        verb: String,
        /// The owner's id
        owner: String,
        /// The month, such as 2026-01
        month: String,
    },
    /// Sealed CDRs, the newest first
    Cdrs,
    /// CDRs that are held until a person decides
    Findings,
    /// What was found and is of no held CDR, the newest first
    Doubts,
    /// The sum of each ledger account, and of all
    Ledger,
    /// What stands
    Alarms,
    /// Who asked for what, and how it ended, the newest first
    Audit,
    /// Unknown stations that knocked
    Lobby,
    /// Any path of the API, such as /api/v1
    Get {
        /// The path
        path: String,
    },
    /// A further token of the API, told once
    ApiToken {
        /// Whose it is, for the audit
        name: String,
    },
}

/// Commands about sites.
#[derive(Debug, Subcommand)]
pub enum Site {
    /// Create a site, or replace its configuration, from one TOML file
    Import {
        /// The file
        file: std::path::PathBuf,
    },
    /// All sites
    List,
    /// One site now: circuits and EVSEs
    Show {
        /// The site's id
        site: String,
    },
    /// What limits each EVSE
    Certificates {
        /// The site's id
        site: String,
    },
}

/// Commands about stations.
#[derive(Debug, Subcommand)]
pub enum Station {
    /// All stations
    List,
    /// What a station must prove to be let in, and whether it has a password
    Show {
        /// The station's id
        station: String,
    },
    /// Set what a station must prove: 0 nothing, 1 a password, 2 a password over TLS, 3 a client certificate
    Security {
        /// The station's id
        station: String,
        /// The security profile, 0 to 3; without it the profile stays
        #[arg(long, value_name = "0|1|2|3", value_parser = clap::value_parser!(u8).range(0..=3))]
        profile: Option<u8>,
        /// A new password of 16 to 40 characters; `-` reads it from standard input
        #[arg(long)]
        password: Option<String>,
        /// Draw a new password, which is told once
        #[arg(long, conflicts_with = "password")]
        draw_password: bool,
        /// A lower profile than before is meant
        #[arg(long)]
        lower: bool,
    },
    /// Set a station's password; without --password one is drawn and told once
    Password {
        /// The station's id
        station: String,
        /// 16 to 40 characters; `-` reads them from standard input
        #[arg(long)]
        password: Option<String>,
    },
    /// Adopt a station from the lobby into a site; the password that it gets is told once
    Adopt {
        /// The station's id, as `admin lobby` shows it
        station: String,
        /// The site
        #[arg(long)]
        site: String,
        /// Which lines its terminals L1, L2, L3 are on, such as L1L2L3, L2L3L1 or L2
        #[arg(long)]
        wiring: String,
        /// An EVSE of the site that it is like: same circuit, currents, access and tariffs
        #[arg(long, value_name = "EVSE")]
        like: Option<String>,
        /// The circuit that it hangs on; without it the one of --like
        #[arg(long)]
        circuit: Option<String>,
        /// The most that each EVSE may draw per phase, A; without it that of --like
        #[arg(long, value_name = "A")]
        current_max_a: Option<String>,
        /// How many EVSEs it has
        #[arg(long, value_name = "COUNT", default_value_t = 1)]
        evses: u16,
    },
    /// What is done at one station
    #[command(flatten)]
    Upkeep(upkeep::AtStation),
    /// Send any OCPP call, such as `station call P01 Reset '{"type":"Soft"}'`
    Call {
        /// The station's id
        station: String,
        /// The OCPP action
        action: String,
        /// The payload, a JSON object
        #[arg(default_value = "{}")]
        payload: String,
    },
}

/// Commands about tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// All tokens
    List,
    /// Create a token, or give it to another account
    Add {
        /// The token, as the station reads it
        // Not by the name of the API's own token, which would be overwritten.
        #[arg(value_name = "TOKEN")]
        of_driver: String,
        /// The account it belongs to
        #[arg(long)]
        account: String,
    },
    /// Block a token
    Block {
        /// The token
        #[arg(value_name = "TOKEN")]
        of_driver: String,
    },
}

/// Commands about accounts.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// All accounts
    List,
    /// Create an account, or replace it
    Add {
        /// Its id
        account: String,
        /// The name for people
        #[arg(long)]
        name: String,
        /// A site whose private EVSEs admit it; may be given several times
        #[arg(long = "site")]
        sites: Vec<String>,
    },
}

/// One request.
struct Ask {
    method: &'static str,
    path: String,
    content_type: &'static str,
    body: String,
}

/// Asks, prints the answer, and fails where it is a refusal.
///
/// # Errors
///
/// The refusal, or why there is no answer.
pub async fn run(args: AdminArgs) -> anyhow::Result<()> {
    let ask = ask(&args.what)?;
    let api = Api { address: args.api.clone(), token: token(&args)? };
    let reply = api.send(ask.method, &ask.path, ask.content_type, &ask.body).await?;
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_else(|_| Value::from(reply.body.as_str()));
    if reply.status >= 400 {
        bail!("{}", refusal(reply.status, &body));
    }
    say(&serde_json::to_string_pretty(&body)?);
    Ok(())
}

fn token(args: &AdminArgs) -> anyhow::Result<String> {
    if let Some(token) = &args.token {
        return Ok(token.clone());
    }
    let path = std::path::Path::new(&args.data).join(TOKEN_FILE);
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "no token: give --token or WATTERY_TOKEN, or the data directory with --data ({} was tried)",
            path.display()
        )
    })?;
    Ok(text.trim().to_owned())
}

fn ask(what: &What) -> anyhow::Result<Ask> {
    Ok(match what {
        What::Site(Site::Import { file }) => {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            Ask {
                method: "POST",
                path: format!(
                    "/api/v1/sites?file={}",
                    utf8_percent_encode(&file.display().to_string(), NON_ALPHANUMERIC)
                ),
                content_type: "application/toml",
                body: text,
            }
        }
        What::Site(Site::List) => get("/api/v1/sites"),
        What::Site(Site::Show { site }) => get(&format!("/api/v1/sites/{site}")),
        What::Site(Site::Certificates { site }) => get(&format!("/api/v1/sites/{site}/certificates")),
        What::Station(Station::List) => get("/api/v1/stations"),
        What::Station(Station::Show { station }) => get(&format!("/api/v1/stations/{station}/security")),
        What::Station(Station::Security { station, profile, password, draw_password, lower }) => {
            let mut body = json!({"draw_password": draw_password, "lower": lower});
            if let (Some(profile), Some(body)) = (profile, body.as_object_mut()) {
                body.insert("profile".to_owned(), json!(profile));
            }
            if let (Some(password), Some(body)) = (given(password.as_deref())?, body.as_object_mut()) {
                body.insert("password".to_owned(), json!(password));
            }
            send("PUT", format!("/api/v1/stations/{station}/security"), &body.to_string())
        }
        What::Station(Station::Password { station, password }) => {
            let password = given(password.as_deref())?;
            let body = password.map(|password| json!({"password": password}).to_string());
            let path = format!("/api/v1/stations/{station}/password");
            send("PUT", path, body.as_deref().unwrap_or_default())
        }
        What::Station(Station::Adopt { station, site, wiring, like, circuit, current_max_a, evses }) => {
            let current_max_a = current_max_a.as_deref().map(str::parse::<serde_json::Number>);
            let current_max_a =
                current_max_a.transpose().context("--current-max-a needs amperes, such as 16")?;
            let body = json!({
                "site": site, "wiring": wiring, "like": like, "circuit": circuit,
                "current_max_a": current_max_a, "evses": evses,
            });
            send("POST", format!("/api/v1/lobby/{station}/adopt"), &body.to_string())
        }
        What::Station(Station::Call { station, action, payload }) => {
            send("POST", format!("/api/v1/stations/{station}/commands/{action}"), payload)
        }
        What::Station(Station::Upkeep(what)) => upkeep::at_station(what),
        What::Job(what) => upkeep::job(what)?,
        What::Template(what) => upkeep::template(what)?,
        What::Reservation(what) => upkeep::reservation(what),
        What::LocalLists => get("/api/v1/local-lists"),
        What::Availability => get("/api/v1/availability"),
        What::Uploads => get("/api/v1/uploads"),
        What::Token(Token::List) => get("/api/v1/tokens"),
        What::Token(Token::Add { of_driver, account }) => {
            let row =
                json!({"token": of_driver, "entry": {"holder": {"account": account}, "status": "valid"}});
            send("PUT", "/api/v1/tokens".to_owned(), &row.to_string())
        }
        What::Token(Token::Block { of_driver }) => {
            send("POST", format!("/api/v1/tokens/{of_driver}/block"), "")
        }
        What::Account(Account::List) => get("/api/v1/accounts"),
        What::Account(Account::Add { account, name, sites }) => {
            let row = json!({"account": account, "name": name, "sites": sites});
            send("PUT", "/api/v1/accounts".to_owned(), &row.to_string())
        }
        What::Month { verb, owner, month } => match verb.as_str() {
            "show" => get(&format!("/api/v1/owners/{owner}/months/{month}")),
            verb => send("POST", format!("/api/v1/owners/{owner}/months/{month}/{verb}"), ""),
        },
        What::Cdrs => get("/api/v1/cdrs"),
        What::Findings => get("/api/v1/findings"),
        What::Doubts => get("/api/v1/doubts"),
        What::Ledger => get("/api/v1/ledger"),
        What::Alarms => get("/api/v1/alarms"),
        What::Audit => get("/api/v1/audit"),
        What::Lobby => get("/api/v1/lobby"),
        What::Get { path } => get(path),
        What::ApiToken { name } => {
            send("POST", "/api/v1/api-tokens".to_owned(), &json!({"name": name}).to_string())
        }
    })
}

/// A password as it was given: on the command line, where other users of the machine may see it, or from standard input.
fn given(password: Option<&str>) -> anyhow::Result<Option<String>> {
    match password {
        Some("-") => {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).context("no password can be read from standard input")?;
            Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
        }
        Some(password) => Ok(Some(password.to_owned())),
        None => Ok(None),
    }
}

fn get(path: &str) -> Ask {
    send("GET", path.to_owned(), "")
}

fn send(method: &'static str, path: String, body: &str) -> Ask {
    Ask { method, path, content_type: "application/json", body: body.to_owned() }
}

/// A problem as people read it.
fn refusal(status: u16, body: &Value) -> String {
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("title").is_empty() {
        return format!("the server answered {status}: {body}");
    }
    let mistakes = body.get("mistakes").and_then(Value::as_array).into_iter().flatten();
    let mistakes: String =
        mistakes.filter_map(Value::as_str).map(|mistake| format!("\n  {mistake}")).collect();
    format!("{}{mistakes}\n{}", text("title"), text("way_out"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_with_every_mistake_and_the_way_out() {
        let body =
            json!({"title": "the site file has mistakes", "way_out": "mend all", "mistakes": ["a", "b"]});
        assert_eq!(refusal(422, &body), "the site file has mistakes\n  a\n  b\nmend all");
        assert_eq!(refusal(500, &json!("x")), "the server answered 500: \"x\"");
    }
}
