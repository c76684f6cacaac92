//! Where alarms go, as it stands in the settings.

use std::path::{Path, PathBuf};

use axum::http::Uri;
use lettre::message::Mailbox;

use super::Retry;

/// Where alarms go. Nowhere, by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlarmSettings {
    /// To a webhook.
    pub webhook: Option<Webhook>,
    /// By e-mail.
    pub mail: Option<Mail>,
    /// PEM: certification authorities that are trusted besides the public ones.
    pub ca: Option<PathBuf>,
    /// How often it is tried.
    pub retry: Retry,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to, by http or https.
    pub url: Uri,
    /// The key of the signatures.
    pub secret: Key,
}

/// E-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The server that takes it.
    pub server: SmtpServer,
    /// Who writes.
    pub from: Mailbox,
    /// Who reads.
    pub to: Vec<Mailbox>,
}

/// A server that takes e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpServer {
    /// Its name, as in its X.509 certificate.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: SmtpSecurity,
    /// As whom, where it wants to know.
    pub user: Option<(String, Key)>,
}

/// How a server of e-mail is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything is said (STARTTLS); without it nothing is.
    StartTls,
    /// None: on this machine only.
    Loopback,
}

/// A secret from a file, which no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub String);

impl std::fmt::Debug for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Key(…)")
    }
}

/// Shorter keys can be guessed.
const KEY_SHORTEST: usize = 16;

/// The first line of a file.
pub fn key_in(path: &Path, shortest: usize) -> Result<Key, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("must be a readable file: {error}"))?;
    let line = text.lines().next().unwrap_or_default().trim();
    if line.len() < shortest.max(1) {
        return Err(format!("needs a file whose first line has at least {} characters", shortest.max(1)));
    }
    Ok(Key(line.to_owned()))
}

/// The key of a webhook.
pub fn webhook_key_in(path: &Path) -> Result<Key, String> {
    key_in(path, KEY_SHORTEST)
}

/// A URL with a host, by http or https.
pub fn webhook_url(text: &str) -> Result<Uri, String> {
    let wrong = || "needs a URL such as https://alarms.example/wattery".to_owned();
    let url: Uri = text.parse().map_err(|_| wrong())?;
    match (url.scheme_str(), url.host()) {
        (Some("https" | "http"), Some(host)) if !host.is_empty() => Ok(url),
        (Some(_) | None, _) => Err(wrong()),
    }
}

/// `smtps://USER@HOST:465` or `smtp://USER@HOST:587`; the user is percent-encoded. Without TLS on loopback only.
pub fn smtp_server(text: &str) -> Result<(SmtpServer, Option<String>), String> {
    let wrong = || "needs smtps://USER@HOST[:465] or smtp://USER@HOST[:587]".to_owned();
    let url: Uri = text.parse().map_err(|_| wrong())?;
    let authority = url.authority().ok_or_else(wrong)?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    if host.is_empty() {
        return Err(wrong());
    }
    let user = authority
        .as_str()
        .rsplit_once('@')
        .map(|(user, _)| percent_encoding::percent_decode_str(user).decode_utf8_lossy().into_owned());
    if user.as_ref().is_some_and(|user| user.contains(':')) {
        return Err("names the user only: the password is in a file, alarm_smtp_password".to_owned());
    }
    let is_loopback =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let (security, port) = match url.scheme_str() {
        Some("smtps") => (SmtpSecurity::Tls, 465),
        Some("smtp") if is_loopback => (SmtpSecurity::Loopback, 25),
        Some("smtp") => (SmtpSecurity::StartTls, 587),
        Some(_) | None => return Err(wrong()),
    };
    let port = authority.port_u16().unwrap_or(port);
    Ok((SmtpServer { host, port, security, user: None }, user))
}

/// Addresses of e-mail, divided by commas.
pub fn mailboxes(text: &str) -> Result<Vec<Mailbox>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|address| !address.is_empty())
        .map(|address| {
            address
                .parse()
                .map_err(|_| format!("`{address}` is no address such as `Desk <desk@example.org>`"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_e_mail_are_read_with_their_security() {
        for (text, host, port, security, user) in [
            ("smtps://mail.example", "mail.example", 465, SmtpSecurity::Tls, None),
            (
                "smtp://ann%40a.example@mail.example",
                "mail.example",
                587,
                SmtpSecurity::StartTls,
                Some("ann@a.example"),
            ),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2_525, SmtpSecurity::Loopback, None),
            ("smtp://[::1]", "::1", 25, SmtpSecurity::Loopback, None),
        ] {
            let (server, read) = smtp_server(text).unwrap();
            assert_eq!(
                (server.host.as_str(), server.port, server.security),
                (host, port, security),
                "{text}"
            );
            assert_eq!(read.as_deref(), user, "{text}");
        }
        for text in ["mail.example", "http://mail.example", "smtp://", "smtp://ann:pass@mail.example"] {
            assert!(smtp_server(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_and_urls_are_checked_before_the_start() {
        assert_eq!(mailboxes("Desk <a@b.example>, c@d.example").unwrap().len(), 2);
        assert!(mailboxes("a@b.example, nobody").unwrap_err().contains("`nobody`"));
        assert!(webhook_url("https://a.example/b?c").is_ok());
        for text in ["ftp://a.example", "a.example", "https://", ""] {
            assert!(webhook_url(text).is_err(), "{text}");
        }
    }
}
