//! All messages that wait, in one e-mail.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::settings::{Mail, SmtpSecurity};
use super::{Message, Turn};

/// Longer than this a server is not waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends the messages to everybody, as one e-mail.
///
/// # Errors
///
/// Where the server did not take it.
pub async fn send(mail: &Mail, ca: Option<&Path>, messages: &[Message]) -> anyhow::Result<()> {
    let server = &mail.server;
    let tls = || -> anyhow::Result<TlsParameters> {
        let mut parameters = TlsParameters::builder(server.host.clone());
        if let Some(path) = ca {
            let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            parameters = parameters.add_root_certificate(Certificate::from_pem(&pem)?);
        }
        Ok(parameters.build_rustls()?)
    };
    let tls = match server.security {
        SmtpSecurity::Tls => Tls::Wrapper(tls()?),
        SmtpSecurity::StartTls => Tls::Required(tls()?),
        SmtpSecurity::Loopback => Tls::None,
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(tls)
        .timeout(Some(PATIENCE));
    if let Some((user, password)) = &server.user {
        transport = transport.credentials(Credentials::new(user.clone(), password.0.clone()));
    }
    let mut letter = lettre::Message::builder()
        .from(mail.from.clone())
        .subject(subject(messages))
        .header(ContentType::TEXT_PLAIN);
    for reader in &mail.to {
        letter = letter.to(reader.clone());
    }
    let letter = letter.body(body(messages))?;
    let transport = transport.build();
    let sent = tokio::time::timeout(PATIENCE * 3, transport.send(letter));
    sent.await.context("the server of e-mail takes too long")??;
    Ok(())
}

fn subject(messages: &[Message]) -> String {
    let raised = messages.iter().filter(|message| message.turn == Turn::Raised).count();
    match (messages, raised) {
        ([one], 0) => format!("Wattery: over: {}", one.text),
        ([one], _) => format!("Wattery: {}", one.text),
        (_, 0) => format!("Wattery: {} alarms are over", messages.len()),
        (_, raised) => format!("Wattery: {raised} alarms, {} over", messages.len() - raised),
    }
}

fn body(messages: &[Message]) -> String {
    let mut lines: Vec<String> = messages
        .iter()
        .map(|message| {
            let turn = match message.turn {
                Turn::Raised => "ALARM",
                Turn::Over => "over ",
            };
            format!("{}  {turn}  {}", message.at, message.text)
        })
        .collect();
    if let Some(count) = messages.first().map(|first| first.given_up_before).filter(|count| *count > 0) {
        lines.push(String::new());
        lines.push(format!("{count} messages before these could not be delivered and were given up."));
    }
    lines.join("\r\n") + "\r\n"
}
