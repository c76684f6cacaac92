//! The WebSocket handshake with stations, by hand: real stations leave out headers that a library insists on, and a
//! refusal must say why.

use csms::Version;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use units::StationId;

use crate::door::Basic;

/// No request for a handshake may be longer.
const REQUEST_BYTES_MAX: usize = 8 * 1_024;
/// The path before the station's id.
const PATH: &str = "/ocpp/";

/// What a station asks for: who it says it is, what it presents, what it speaks.
#[derive(Debug)]
pub struct Asked {
    /// Who it says it is.
    pub station: StationId,
    /// How it would prove that.
    pub basic: Basic,
    /// What will be spoken.
    pub subprotocol: Subprotocol,
    /// The value of Sec-WebSocket-Accept.
    accept_key: String,
    /// Bytes that came after the request.
    pub leftover: Vec<u8>,
    /// All that it offers and we speak, in its order.
    offered: Vec<Version>,
}

impl Asked {
    /// Of what the station offers the first that it truly speaks is spoken, where there is any.
    pub fn choose(&mut self, speaks: impl Fn(Version) -> bool) {
        if let Some(version) = self.offered.iter().copied().find(|&version| speaks(version)) {
            self.subprotocol = Subprotocol::Offered(version);
        }
    }
}

/// What will be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subprotocol {
    /// The station offered it, before any other that we speak.
    Offered(Version),
    /// The station offered none at all; OCPP 1.6 is assumed (FIELD 4d 56).
    Assumed,
    /// It offered others only: the handshake is completed without one, then closed (FIELD section 6, trap 8).
    NothingInCommon,
}

/// Why there is no link.
#[derive(Debug)]
pub enum Refused {
    /// The request is answered with this status and text.
    With(u16, String),
    /// The socket broke before there was a request.
    Gone,
}

/// Reads a request; answers nothing yet.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Asked, Refused> {
    let (head, leftover) = read_head(stream).await?;
    understand(&head, leftover)
}

/// Completes the handshake.
pub async fn accept(stream: &mut (impl AsyncWrite + Unpin), asked: &Asked) -> std::io::Result<()> {
    let subprotocol = match asked.subprotocol {
        Subprotocol::Offered(version) => format!("Sec-WebSocket-Protocol: {}\r\n", version.subprotocol()),
        Subprotocol::Assumed | Subprotocol::NothingInCommon => String::new(),
    };
    let reply = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{subprotocol}\r\n",
        asked.accept_key
    );
    stream.write_all(reply.as_bytes()).await?;
    stream.flush().await
}

/// Answers a request that is refused.
pub async fn refuse(
    stream: &mut (impl AsyncWrite + Unpin),
    status: u16,
    reason: &str,
) -> std::io::Result<()> {
    let phrase = match status {
        401 => "Unauthorized",
        404 => "Not Found",
        408 => "Request Timeout",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Bad Request",
    };
    let extra = match status {
        401 => "WWW-Authenticate: Basic realm=\"ocpp\", charset=\"UTF-8\"\r\n",
        426 => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        _ => "",
    };
    let reply = format!(
        "HTTP/1.1 {status} {phrase}\r\n{extra}Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n{reason}\n",
        reason.len() + 1
    );
    stream.write_all(reply.as_bytes()).await?;
    stream.flush().await?;
    stream.shutdown().await
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<(String, Vec<u8>), Refused> {
    let mut bytes = Vec::with_capacity(1_024);
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let leftover = bytes.split_off(end + 4);
            bytes.truncate(end);
            let head = String::from_utf8(bytes)
                .map_err(|_| Refused::With(400, "the request's header is not text".to_owned()))?;
            return Ok((head, leftover));
        }
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(Refused::With(
                431,
                format!("the request's header is longer than {REQUEST_BYTES_MAX} bytes"),
            ));
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return Err(Refused::Gone),
            Ok(_) => {}
        }
    }
}

fn understand(head: &str, leftover: Vec<u8>) -> Result<Asked, Refused> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers = Headers(lines.filter_map(|line| line.split_once(':')).collect());
    let station = station_of(target)?;
    let asks_upgrade = headers.get("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    // FIELD 4d 58: `Connection: Upgrade` may be missing, so that it is not looked at.
    let Some(key) = headers.get("sec-websocket-key").filter(|_| method == "GET" && asks_upgrade) else {
        return Err(Refused::With(426, "this address speaks OCPP over WebSocket only".to_owned()));
    };
    if headers.get("sec-websocket-version").is_some_and(|version| version != "13") {
        return Err(Refused::With(426, "this address speaks WebSocket version 13".to_owned()));
    }
    let basic = headers.get("authorization").map_or(Basic::Absent, |value| basic(value, &station));
    let named = headers.all("sec-websocket-protocol");
    // RFC 6455 section 4.1: the client offers in the order of its preference.
    let offered: Vec<Version> =
        named.split(',').filter_map(|name| Version::from_subprotocol(name.trim())).collect();
    let subprotocol = match offered.first() {
        Some(&first) => Subprotocol::Offered(first),
        None if named.is_empty() => Subprotocol::Assumed,
        None => Subprotocol::NothingInCommon,
    };
    let accept_key = derive_accept_key(key.as_bytes());
    Ok(Asked { station, basic, subprotocol, accept_key, leftover, offered })
}

fn station_of(target: &str) -> Result<StationId, Refused> {
    let path = target.split('?').next().unwrap_or_default();
    let Some(name) = path.strip_prefix(PATH).filter(|name| !name.is_empty()) else {
        return Err(Refused::With(404, format!("stations connect to {PATH}{{station id}}, not to `{path}`")));
    };
    let decoded = percent_decoded(name)
        .ok_or_else(|| Refused::With(404, format!("`{name}` is not a station's id in a URL")))?;
    decoded.parse().map_err(|error: units::id::InvalidId| Refused::With(404, error.to_string()))
}

/// The password, as raw bytes: everything after the user name and a colon. The user name must be the station's id,
/// which may hold colons itself.
fn basic(value: &str, station: &StationId) -> Basic {
    let pair = match value.split_once(' ') {
        Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => pair.trim(),
        Some(_) | None => return Basic::Unreadable,
    };
    let Ok(pair) = data_encoding::BASE64.decode(pair.as_bytes()) else { return Basic::Unreadable };
    let rest = pair.strip_prefix(station.as_str().as_bytes()).and_then(|rest| rest.strip_prefix(b":"));
    rest.map_or(Basic::OtherName, |password| Basic::Password(password.to_vec()))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

struct Headers<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Headers<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    fn all(&self, name: &str) -> String {
        let values =
            self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        values.collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    fn check(request: &str) -> Result<Asked, (u16, String)> {
        understand(request.trim_end(), Vec::new()).map_err(|refused| match refused {
            Refused::With(status, reason) => (status, reason),
            Refused::Gone => (0, String::new()),
        })
    }

    #[test]
    fn field_4d_58_a_missing_connection_header_is_tolerated() {
        let accepted = check(&format!("GET /ocpp/P:01 HTTP/1.1\r\n{KEY}")).unwrap();
        assert_eq!(accepted.accept_key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "the example of RFC 6455");
    }

    #[test]
    fn field_4d_56_without_any_subprotocol_1_6_is_assumed() {
        let accepted = check(&format!("GET /ocpp/P:01 HTTP/1.1\r\n{KEY}")).unwrap();
        assert_eq!(accepted.subprotocol, Subprotocol::Assumed);
    }

    #[test]
    fn field_6_8_other_subprotocols_only_have_nothing_in_common() {
        let offer = |names: &str| {
            let request = format!("GET /ocpp/P:01 HTTP/1.1\r\n{KEY}Sec-WebSocket-Protocol: {names}");
            check(&request).unwrap().subprotocol
        };
        assert_eq!(offer("ocpp2.0, ocpp1.5"), Subprotocol::NothingInCommon);
        assert_eq!(
            offer("ocpp2.0.1, ocpp1.6"),
            Subprotocol::Offered(Version::V201),
            "the station's order decides"
        );
        assert_eq!(offer("ocpp1.6, ocpp2.0.1"), Subprotocol::Offered(Version::V16));
        assert_eq!(offer("ocpp2.2,OCPP2.1,ocpp2.0.1"), Subprotocol::Offered(Version::V21));
        assert_eq!(offer("ocpp1.2\r\nsec-websocket-protocol: ocpp1.6"), Subprotocol::Offered(Version::V16));
    }

    #[test]
    fn field_4b_25_a_version_that_a_model_only_claims_is_not_spoken_where_another_is_offered() {
        let chosen = |offer: &str| {
            let request = format!("GET /ocpp/P:01 HTTP/1.1\r\n{KEY}Sec-WebSocket-Protocol: {offer}");
            let mut asked = check(&request).unwrap();
            asked.choose(|version| version != Version::V201);
            asked.subprotocol
        };
        assert_eq!(chosen("ocpp2.0.1, ocpp1.6"), Subprotocol::Offered(Version::V16));
        assert_eq!(chosen("ocpp2.0.1"), Subprotocol::Offered(Version::V201), "there is no other");
        assert_eq!(chosen("ocpp3.0"), Subprotocol::NothingInCommon);
    }

    #[test]
    fn field_6_10_the_user_name_is_the_station_and_the_password_any_bytes() {
        let with = |pair: &[u8]| {
            let pair = data_encoding::BASE64.encode(pair);
            let request = format!("GET /ocpp/P%3A01 HTTP/1.1\r\n{KEY}Authorization: Basic {pair}");
            check(&request).unwrap().basic
        };
        for password in [&b"a:password:of:16"[..], b"\xff\xfe\x00", b""] {
            assert!(with(&[b"P:01:", password].concat()) == Basic::Password(password.to_vec()));
        }
        for other in [&b"P:02:a:password:of:16"[..], b"P:01", b"p:01:a:password:of:16"] {
            assert_eq!(with(other), Basic::OtherName, "{other:?}");
        }
        for unreadable in ["Bearer UDowMTph", "Basic", "Basic not base64", ""] {
            let request = format!("GET /ocpp/P%3A01 HTTP/1.1\r\n{KEY}Authorization: {unreadable}\r\nHost: x");
            assert_eq!(check(&request).unwrap().basic, Basic::Unreadable, "{unreadable}");
        }
    }

    #[test]
    fn what_is_no_handshake_is_told_so() {
        for (request, status, part) in [
            ("GET / HTTP/1.1\r\nHost: x".to_owned(), 404, "/ocpp/{station id}"),
            ("GET /ocpp/ HTTP/1.1\r\nHost: x".to_owned(), 404, "/ocpp/{station id}"),
            ("GET /ocpp/P01 HTTP/1.1\r\nHost: x".to_owned(), 426, "WebSocket"),
            (format!("GET /ocpp/a%20b HTTP/1.1\r\n{KEY}"), 404, "not allowed"),
            (format!("GET /ocpp/a%2 HTTP/1.1\r\n{KEY}"), 404, "not a station's id"),
            (format!("GET /ocpp/P01 HTTP/1.1\r\n{KEY}Sec-WebSocket-Version: 8"), 426, "version 13"),
        ] {
            let (found, reason) = check(&request).unwrap_err();
            assert!(found == status && reason.contains(part), "{request:?}: {found} {reason}");
        }
    }
}
