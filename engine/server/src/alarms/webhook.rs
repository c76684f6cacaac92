//! One message to a webhook: POST, signed by HMAC-SHA256; taken where the answer is 2xx.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use axum::body::Body;
use axum::http::{Request, header};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Message;
use super::settings::Webhook;

/// Longer than this a receiver is not waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Posts a message.
///
/// # Errors
///
/// Where nobody took it.
pub async fn post(webhook: &Webhook, ca: Option<&Path>, message: &Message) -> anyhow::Result<()> {
    let posted = tokio::time::timeout(PATIENCE, exchange(webhook, ca, message));
    posted.await.with_context(|| format!("no answer from {} within {PATIENCE:?}", webhook.url))?
}

async fn exchange(webhook: &Webhook, ca: Option<&Path>, message: &Message) -> anyhow::Result<()> {
    let url = &webhook.url;
    let host = url.host().context("the URL has no host")?.trim_matches(['[', ']']);
    let is_tls = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let socket =
        TcpStream::connect((host, port)).await.with_context(|| format!("cannot reach {host}:{port}"))?;
    let body = serde_json::to_string(message)?;
    let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let request = Request::post(url.path_and_query().map_or("/", |path| path.as_str()))
        .header(header::HOST, url.authority().map_or(host, |authority| authority.as_str()))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "wattery")
        .header("wattery-delivery", message.id)
        .header("wattery-signature", signature(&webhook.secret.0, at, &body)?)
        .body(Body::from(body))?;
    if is_tls {
        let name =
            ServerName::try_from(host.to_owned()).with_context(|| format!("{host} is no name for TLS"))?;
        let socket = TlsConnector::from(Arc::new(tls(ca)?)).connect(name, socket).await?;
        send(socket, request).await
    } else {
        send(socket, request).await
    }
}

async fn send(
    socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Body>,
) -> anyhow::Result<()> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    // It ends with the socket; a request that it leaves without an answer fails.
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    connection.abort();
    let status = answer?.status();
    ensure!(status.is_success(), "it was answered with {status}");
    Ok(())
}

/// `t=SECONDS,v1=HEX`: HMAC-SHA256, under the secret, of the seconds since 1970, a full stop and the body. Who compares the
/// seconds with its clock takes no old message again.
fn signature(secret: &str, at: u64, body: &str) -> anyhow::Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).context("no key of HMAC")?;
    mac.update(format!("{at}.{body}").as_bytes());
    Ok(format!("t={at},v1={}", HEXLOWER.encode(&mac.finalize().into_bytes())))
}

/// The public certification authorities, and those of the file.
fn tls(ca: Option<&Path>) -> anyhow::Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca {
        for certificate in CertificateDer::pem_file_iter(path)? {
            roots.add(certificate?)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes_of_the_same() {
        // printf '1700000000.{"id":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let signed = signature("0123456789abcdef", 1_700_000_000, r#"{"id":1}"#).unwrap();
        assert_eq!(
            signed,
            "t=1700000000,v1=4bcaced68dfea90a68df035b89cb7fb26692d899d32a1ccb1b0616cf48e4d1ed"
        );
    }
}
