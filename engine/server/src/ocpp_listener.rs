//! Stations' links: handshake, frames in, frames out. A link's trouble is its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use csms::{SecurityProfile, UnknownStations, Version};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use units::{LinkId, StationId, TimeSpan};

use crate::door::{Denied, Door, Presented, Transport};
use crate::engine::EngineHandle;
use crate::handshake::{self, Asked, Refused, Subprotocol};
use crate::outbox::{Next, Outbox};
use crate::tls::Tls;
use crate::x509;

/// A request for a handshake must be complete within this.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Who is refused is told so this long after the request, whatever it took to find out, which is less: the time tells
/// nothing of what is kept of a station, and a guess costs whoever guesses more than it costs us.
const REFUSED_AFTER: Duration = Duration::from_secs(1);
/// A frame that a station does not take within this ends the link.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// 128 KiB, the library's default, cost 645 MiB for 5,000 idle links (FIELD section 6, trap 15).
const READ_BUFFER_BYTES: usize = 4 * 1_024;

/// What all links share.
#[derive(Debug)]
pub struct Links {
    /// Where frames go.
    pub engine: EngineHandle,
    /// Who may speak.
    pub door: Arc<Door>,
    /// What happens to stations that are in no site.
    pub unknown_stations: UnknownStations,
    /// Bytes of the largest frame.
    pub frame_bytes_max: usize,
    /// Between pings; none sends none.
    pub ping_every: Option<Duration>,
}

/// What links of a listener are carried by.
#[derive(Debug, Clone)]
pub enum Over {
    /// TCP.
    Tcp,
    /// TLS.
    Tls(Arc<Tls>),
}

/// Accepts links until the future is dropped. Links that are open then go on: the engine ends them.
pub async fn run(listener: TcpListener, links: Arc<Links>, over: Over) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (links, over) = (Arc::clone(&links), over.clone());
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    match over {
                        Over::Tcp => links.serve(stream, peer, Transport::Plain).await,
                        Over::Tls(tls) => links.serve_over_tls(stream, peer, &tls).await,
                    }
                });
            }
            Err(error) => {
                // Mostly too many open files: others may close meanwhile.
                tracing::error!(%error, "no link can be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// What carries a link.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Links {
    async fn serve_over_tls(&self, stream: TcpStream, peer: SocketAddr, tls: &Arc<Tls>) {
        let shake = async { tls.acceptor().await.accept(stream).await };
        let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, shake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::warn!(%peer, "no TLS with who connects: {error}"),
            Err(_) => return tracing::warn!(%peer, "no TLS with who connects: it took more than 10 s"),
        };
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        let transport = certificate.map_or(Transport::Tls, |own| {
            Transport::Certified(x509::read(own).and_then(|read| read.common_name))
        });
        self.serve(stream, peer, transport).await;
    }

    async fn serve(&self, mut stream: impl Stream, peer: SocketAddr, transport: Transport) {
        let asked = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake::read(&mut stream))
            .await
            .unwrap_or_else(|_| Err(Refused::With(408, "the request did not come within 10 s".to_owned())));
        let asked = match asked {
            Ok(asked) => asked,
            Err(Refused::Gone) => return,
            Err(Refused::With(status, reason)) => {
                tracing::warn!(%peer, status, "a station's attempt is refused: {reason}");
                return refuse(stream, status, &reason).await;
            }
        };
        let refused_at = Instant::now() + REFUSED_AFTER;
        match self.judge(&asked, peer, &transport).await {
            Ok(security) => self.open(stream, peer, asked, security).await,
            Err(denied) => {
                if let Some(untold) = self.door.tells(&asked.station, std::time::Instant::now()) {
                    tracing::warn!(
                        station = %asked.station, %peer, untold,
                        "a station's attempt is refused with 401: {denied}"
                    );
                }
                tokio::time::sleep_until(refused_at).await;
                refuse(stream, 401, "who connects here must prove which station it is").await;
            }
        }
    }

    async fn judge(
        &self,
        asked: &Asked,
        peer: SocketAddr,
        transport: &Transport,
    ) -> Result<SecurityProfile, Denied> {
        let is_kept = self.door.row(&asked.station).is_some();
        if !is_kept && !self.engine.knows_station(&asked.station) {
            return match self.unknown_stations {
                // It is kept waiting, and may say nothing else.
                UnknownStations::Lobby | UnknownStations::Accept => transport.certifies(&asked.station),
                UnknownStations::Refuse => {
                    self.engine.sighted(&asked.station).await;
                    Err(Denied::Unknown)
                }
            };
        }
        let presented = Presented { transport: transport.clone(), basic: asked.basic.clone() };
        let judged = self.door.judge(&asked.station, &presented, peer.ip());
        tokio::time::timeout(HANDSHAKE_TIMEOUT, judged).await.unwrap_or(Err(Denied::TooManyTries))
    }

    async fn open(
        &self,
        mut stream: impl Stream,
        peer: SocketAddr,
        mut asked: Asked,
        security: SecurityProfile,
    ) {
        let quirks = self.engine.quirks_of(&asked.station);
        asked.choose(|version| quirks.speaks(version));
        let answer = handshake::accept(&mut stream, &asked);
        if !matches!(tokio::time::timeout(HANDSHAKE_TIMEOUT, answer).await, Ok(Ok(()))) {
            return;
        }
        let Asked { station, subprotocol, leftover, .. } = asked;
        let config = socket_config(self.frame_bytes_max);
        let socket = WebSocketStream::from_partially_read(stream, leftover, Role::Server, Some(config)).await;
        let version = match subprotocol {
            Subprotocol::Offered(version) => version,
            Subprotocol::Assumed => {
                tracing::debug!(%station, "no subprotocol was offered; OCPP 1.6 is assumed");
                Version::V16
            }
            Subprotocol::NothingInCommon => {
                tracing::warn!(%station, %peer, "no common subprotocol: ocpp2.0.1 and ocpp1.6 are spoken");
                close(socket, CloseCode::Protocol, "only ocpp2.0.1 and ocpp1.6 are spoken here").await;
                return;
            }
        };
        let Some((link, outbox)) = self.engine.link_up(&station, version, security).await else { return };
        match security {
            SecurityProfile::Unauthenticated => {
                tracing::info!(%station, %link, %peer, %version, "link up, unauthenticated");
            }
            SecurityProfile::Basic | SecurityProfile::BasicOverTls | SecurityProfile::MutualTls => {
                tracing::info!(%station, %link, %peer, %version, security_profile = %security, "link up");
            }
        }
        let ended = self.carry(socket, link, &station, &outbox).await;
        tracing::info!(%station, %link, "link down: {ended}");
        self.engine.link_down(link).await;
    }

    /// Carries frames both ways until one way ends. Dropping the socket drops TCP without a Close frame.
    async fn carry(
        &self,
        socket: WebSocketStream<impl Stream>,
        link: LinkId,
        station: &StationId,
        outbox: &Outbox,
    ) -> String {
        let (sink, stream) = socket.split();
        let incoming = self.carry_in(stream, link, station);
        let usually = self
            .ping_every
            .map(|every| TimeSpan::from_milliseconds(i64::try_from(every.as_millis()).unwrap_or(i64::MAX)));
        let ping_every = self.engine.quirks_of(station).ping_every(usually);
        let ping_every = ping_every
            .map(|every| Duration::from_millis(u64::try_from(every.milliseconds()).unwrap_or(u64::MAX)));
        let outgoing = carry_out(sink, outbox, ping_every);
        tokio::pin!(incoming, outgoing);
        let ended = tokio::select! {
            ended = &mut incoming => ended,
            ended = &mut outgoing => return ended,
        };
        match ended {
            Ended::Because(reason) => reason,
            Ended::TooLarge(reason) => {
                outbox.end(crate::outbox::End::Now);
                reason
            }
        }
    }

    async fn carry_in(
        &self,
        mut stream: SplitStream<WebSocketStream<impl Stream>>,
        link: LinkId,
        station: &StationId,
    ) -> Ended {
        loop {
            let text = match stream.next().await {
                Some(Ok(Message::Text(text))) => text,
                // Some stations mark their text as binary.
                Some(Ok(Message::Binary(bytes))) => match Utf8Bytes::try_from(bytes) {
                    Ok(text) => text,
                    Err(_) => {
                        tracing::warn!(%station, %link, "a binary frame that is no text is left out");
                        continue;
                    }
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(_))) => return Ended::Because("the station closed it".to_owned()),
                Some(Err(Error::Capacity(CapacityError::MessageTooLong { size, max_size }))) => {
                    tracing::warn!(%station, %link, size, "a frame is larger than {max_size} bytes: the link is dropped");
                    return Ended::TooLarge(format!("a frame of {size} bytes is larger than {max_size}"));
                }
                // TLS that ends without saying so.
                Some(Err(Error::Io(error))) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Ended::Because("the station is gone".to_owned());
                }
                Some(Err(error)) => return Ended::Because(error.to_string()),
                None => return Ended::Because("the station is gone".to_owned()),
            };
            if !self.engine.frame(link, text.as_str()).await {
                return Ended::Because("the server stops".to_owned());
            }
        }
    }
}

async fn carry_out(
    mut sink: SplitSink<WebSocketStream<impl Stream>, Message>,
    outbox: &Outbox,
    ping_every: Option<Duration>,
) -> String {
    let mut pings = ping_every.map(|every| {
        let mut pings = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
        pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        pings
    });
    loop {
        let ping = async {
            match &mut pings {
                Some(pings) => {
                    pings.tick().await;
                }
                None => std::future::pending().await,
            }
        };
        let messages = tokio::select! {
            biased;
            next = outbox.next() => match next {
                Next::Frames(frames) => frames.iter().map(|text| Message::text(text.as_ref())).collect(),
                Next::End => return "ended by us".to_owned(),
            },
            () = ping => vec![Message::Ping(Bytes::new())],
        };
        let sending = async {
            for message in messages {
                sink.feed(message).await?;
            }
            sink.flush().await
        };
        match tokio::time::timeout(SEND_TIMEOUT, sending).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "the station takes no frame for 30 s".to_owned(),
        }
    }
}

enum Ended {
    Because(String),
    TooLarge(String),
}

async fn refuse(mut stream: impl Stream, status: u16, reason: &str) {
    let refusing = handshake::refuse(&mut stream, status, reason);
    let _ = tokio::time::timeout(HANDSHAKE_TIMEOUT, refusing).await;
}

/// How a link reads and writes: small buffers, since links are many and idle, and no message beyond what is read.
fn socket_config(frame_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(frame_bytes_max))
        .max_frame_size(Some(frame_bytes_max))
}

/// Closes with a Close frame: for a client that speaks no protocol of ours, and so is no station of ours.
async fn close(mut socket: WebSocketStream<impl Stream>, code: CloseCode, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    let _ = tokio::time::timeout(HANDSHAKE_TIMEOUT, socket.close(Some(frame))).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_6_15_an_idle_link_has_a_read_buffer_of_4_kib_and_none_for_writing_and_bounds_its_messages() {
        let config = socket_config(256 * 1_024);
        assert_eq!((config.read_buffer_size, config.write_buffer_size), (4 * 1_024, 0));
        let most = Some(256 * 1_024);
        assert_eq!((config.max_message_size, config.max_frame_size), (most, most));
        assert_eq!(HANDSHAKE_TIMEOUT, Duration::from_secs(10));
    }
}
