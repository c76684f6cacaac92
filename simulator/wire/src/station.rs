//! One station's WebSocket, as text frames.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Where stations connect to.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Host and port, such as `127.0.0.1:9000`.
    pub address: String,
    /// The path before the station's id, such as `/ocpp`.
    pub path: String,
}

impl Endpoint {
    /// Reads `ws://host:port/path`.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL, for people.
    pub fn parse(url: &str) -> Result<Self, String> {
        let rest = url
            .strip_prefix("ws://")
            .ok_or_else(|| format!("`{url}` does not begin with ws:// (no other scheme is spoken here)"))?;
        let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !address.contains(':') {
            return Err(format!("`{url}` names no port: write ws://host:port/ocpp"));
        }
        Ok(Self { address: address.to_owned(), path: format!("/{}", path.trim_end_matches('/')) })
    }

    /// The URL of one station.
    #[must_use]
    pub fn url(&self, station: &str) -> String {
        format!("ws://{}{}/{station}", self.address, self.path)
    }
}

/// Why a socket did not open, or is gone.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The server refused the upgrade.
    #[error("the server answered {0}")]
    Refused(StatusCode),
    /// No answer in time.
    #[error("no answer within 15 s")]
    Late,
    /// The socket is closed.
    #[error("the socket is closed")]
    Closed,
    /// TCP or WebSocket broke.
    #[error("{0}")]
    Broken(String),
}

impl From<Error> for LinkError {
    fn from(error: Error) -> Self {
        if let Error::Http(reply) = &error {
            return Self::Refused(reply.status());
        }
        if matches!(error, Error::ConnectionClosed | Error::AlreadyClosed) {
            return Self::Closed;
        }
        Self::Broken(error.to_string())
    }
}

/// A station's open socket.
#[derive(Debug)]
pub struct StationClient {
    socket: WebSocketStream<TcpStream>,
}

impl StationClient {
    /// Opens the socket, offering `ocpp1.6`.
    ///
    /// # Errors
    ///
    /// Where it did not open.
    pub async fn connect(
        endpoint: &Endpoint,
        station: &str,
        password: Option<&str>,
    ) -> Result<Self, LinkError> {
        Self::connect_offering(endpoint, station, password, &["ocpp1.6"]).await
    }

    /// Opens the socket, offering these subprotocols; none sends no header.
    ///
    /// # Errors
    ///
    /// Where it did not open.
    pub async fn connect_offering(
        endpoint: &Endpoint,
        station: &str,
        password: Option<&str>,
        subprotocols: &[&str],
    ) -> Result<Self, LinkError> {
        let mut request = endpoint.url(station).into_client_request()?;
        let headers = request.headers_mut();
        if !subprotocols.is_empty() {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, header(&subprotocols.join(", "))?);
        }
        if let Some(password) = password {
            let pair = data_encoding::BASE64.encode(format!("{station}:{password}").as_bytes());
            headers.insert(AUTHORIZATION, header(&format!("Basic {pair}"))?);
        }
        let config = WebSocketConfig::default().read_buffer_size(4 * 1_024).write_buffer_size(0);
        let open = async {
            let stream = TcpStream::connect(&endpoint.address)
                .await
                .map_err(|error| LinkError::Broken(error.to_string()))?;
            let _ = stream.set_nodelay(true);
            let (socket, _) =
                tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
            Ok(Self { socket })
        };
        tokio::time::timeout(CONNECT_TIMEOUT, open).await.map_err(|_| LinkError::Late)?
    }

    /// Sends a text frame.
    ///
    /// # Errors
    ///
    /// Where the socket is gone.
    pub async fn send(&mut self, text: &str) -> Result<(), LinkError> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// The next text frame. Pings are answered meanwhile. Safe to drop half-way.
    ///
    /// # Errors
    ///
    /// Where the socket is gone.
    pub async fn receive(&mut self) -> Result<String, LinkError> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(_))) | None => return Err(LinkError::Closed),
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// The socket itself, for tests that break rules.
    pub const fn socket(&mut self) -> &mut WebSocketStream<TcpStream> {
        &mut self.socket
    }
}

fn header(text: &str) -> Result<HeaderValue, LinkError> {
    HeaderValue::from_str(text).map_err(|error| LinkError::Broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_faults_told() {
        let endpoint = Endpoint::parse("ws://localhost:9000/ocpp/").unwrap();
        assert_eq!(endpoint.url("P01"), "ws://localhost:9000/ocpp/P01");
        assert!(Endpoint::parse("wss://localhost:9000/ocpp").unwrap_err().contains("ws://"));
        assert!(Endpoint::parse("ws://localhost/ocpp").unwrap_err().contains("port"));
    }
}
