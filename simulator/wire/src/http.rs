//! A small HTTP/1.1 client: one request per TCP connection, plain text. Enough for meter readings and for the admin
//! commands; it follows no redirect and speaks no TLS.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No reply may be larger.
const REPLY_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where a server's API is, and what opens it.
#[derive(Debug, Clone)]
pub struct Api {
    /// Host and port, such as `127.0.0.1:8080`.
    pub address: String,
    /// The bearer token; empty sends none.
    pub token: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP's status code.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Nobody listens there, or the connection broke.
    #[error("{address} cannot be reached; is the server running there?")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No reply in time.
    #[error("{address} did not reply within 30 s")]
    Late {
        /// Where.
        address: String,
    },
    /// What came back is not HTTP.
    #[error("{address} replied with something that is not HTTP")]
    NotHttp {
        /// Where.
        address: String,
    },
}

impl Api {
    /// Sends one request; `body` is sent as it is with `content_type`.
    ///
    /// # Errors
    ///
    /// Where no reply came; a reply of any status is a reply.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> Result<Reply, RequestError> {
        let unreachable = |source| RequestError::Unreachable { address: self.address.clone(), source };
        let exchange = async {
            let mut stream = TcpStream::connect(&self.address).await?;
            stream.write_all(self.request(method, path, content_type, body).as_bytes()).await?;
            let mut reply = Vec::new();
            stream.take(REPLY_BYTES_MAX).read_to_end(&mut reply).await?;
            Ok::<_, std::io::Error>(reply)
        };
        let bytes = tokio::time::timeout(TIMEOUT, exchange)
            .await
            .map_err(|_| RequestError::Late { address: self.address.clone() })?
            .map_err(unreachable)?;
        parse(&bytes).ok_or_else(|| RequestError::NotHttp { address: self.address.clone() })
    }

    fn request(&self, method: &str, path: &str, content_type: &str, body: &str) -> String {
        let authorization = if self.token.is_empty() {
            String::new()
        } else {
            format!("Authorization: Bearer {}\r\n", self.token)
        };
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAccept: application/json\r\n\
             {authorization}Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
    }
}

fn parse(bytes: &[u8]) -> Option<Reply> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let body = bytes.get(end + 4..)?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let is_chunked = lines.any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("transfer-encoding:") && line.ends_with("chunked")
    });
    let body = if is_chunked { dechunk(body)? } else { body.to_vec() };
    Some(Reply { status, body: String::from_utf8_lossy(&body).into_owned() })
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..end)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let from = end + 2;
        body.extend_from_slice(rest.get(from..from + size)?);
        rest = rest.get(from + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_whole_or_in_chunks() {
        let whole = parse(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno").unwrap();
        assert_eq!(whole, Reply { status: 404, body: "no".to_owned() });
        let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        assert_eq!(parse(chunks).unwrap().body, "abcde");
        assert_eq!(parse(b"SSH-2.0-x\r\n"), None);
    }
}
