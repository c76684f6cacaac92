//! The binary `wattery`: reads flags, sets up logging, and starts what was asked for.
//!
//! **Invariants**: a failure is one message on standard error that names the thing, the value and the way out, and an
//! exit status that is not 0. **Not here**: everything else, which is the library beside it.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use server::clock::Clock;
use server::config::{Config, ServeArgs};
use server::run::Server;
use server::web::Live;
use server::{admin, demo, say};

/// An open backend for charging electric vehicles where cars stay for hours.
#[derive(Debug, Parser)]
#[command(name = "wattery", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the backend: pages and API on one port, OCPP on another
    #[command(after_help = "Log levels come from WATTERY_LOG, such as info or server=debug,info.")]
    Serve(Box<ServeArgs>),
    /// Run a furnished housing company with virtual stations, and a live page to watch it
    Demo(demo::DemoArgs),
    /// Ask a running server: sites, stations, tokens, accounts, months, ledger
    Admin(admin::AdminArgs),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(&arguments.command);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let ended = runtime.block_on(async {
        match arguments.command {
            Command::Serve(args) => serve(&args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Admin(args) => admin::run(args).await,
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn serve(args: &ServeArgs) -> anyhow::Result<()> {
    let config = Config::read(args).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        let mistakes =
            if lines.len() == 1 { "a mistake".to_owned() } else { format!("{} mistakes", lines.len()) };
        anyhow::anyhow!("the settings have {mistakes}:\n{}", lines.join("\n"))
    })?;
    let server = Server::start(config, Clock::real(), Live::default()).await?;
    say(&format!("pages and API  http://{}/", server.listen));
    if let Some(address) = server.listen_ocpp {
        say(&format!("stations       ws://{address}/ocpp/{{station id}}"));
    }
    if let Some(address) = server.listen_ocpp_tls {
        say(&format!("stations       wss://{address}/ocpp/{{station id}}"));
    }
    if let Some(address) = server.listen_files {
        say(&format!("files          http://{address}/upload/"));
    }
    if let Some(token) = &server.token {
        say(&format!("open once      {}", server.console_url(token)));
    }
    server.tell_of_locked_out();
    tokio::select! {
        () = demo::stop_signal() => {}
        () = server.ended() => {}
    }
    tracing::info!("stopping");
    server.stop().await
}

fn log_to_stderr(command: &Command) {
    let level = match command {
        Command::Serve(_) => "info",
        // A person looks at the page, and at what is printed.
        Command::Demo(_) | Command::Admin(_) => "warn",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("WATTERY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("wattery: {error:#}");
    ExitCode::FAILURE
}
