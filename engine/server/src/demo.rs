//! `wattery demo`: a furnished housing company with virtual stations over real WebSockets, on one scaled clock.

use clap::Args;

/// Flags of `wattery demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Keep the demo's records here; without it they are thrown away at the end
    #[arg(long, value_name = "DIR")]
    pub data: Option<std::path::PathBuf>,
    /// The page's port on loopback
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// How many times faster than true time the demo runs, 1 to 100
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub speed: u32,
}

/// Runs the demo until it is stopped.
///
/// # Errors
///
/// What failed, and the way out.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    anyhow::bail!("the demo at port {} is not furnished yet", args.port)
}

/// Waits for Ctrl-C or a service manager's SIGTERM.
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}
