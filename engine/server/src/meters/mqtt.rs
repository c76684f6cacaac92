//! MQTT: readings are published to a broker by whatever reads the meter.

use std::path::Path;
use std::time::Duration;

use ::meters::payload::{self, PAYLOAD_BYTES_MAX};
use charging::network::source::{Login, MqttSource};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS, SubscribeReasonCode};

use super::Reader;

/// A broker that does not answer for one and a half times this is lost.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Beside a payload a packet holds a topic.
const PACKET_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 2_048;
const REQUESTS_WAITING_MAX: usize = 8;

/// Listens for ever.
pub async fn read(mut reader: Reader, source: &MqttSource, secrets: &Path) {
    loop {
        let why = match options(&reader, source, secrets).await {
            Ok(options) => {
                let (client, events) = AsyncClient::new(options, REQUESTS_WAITING_MAX);
                format!("{}: {}", source.address, listen(&mut reader, source, &client, events).await)
            }
            Err(why) => why,
        };
        reader.failed_then_wait(&why).await;
    }
}

async fn options(reader: &Reader, source: &MqttSource, secrets: &Path) -> Result<MqttOptions, String> {
    // A broker ends the older of two sessions of one name: that of a process that is gone.
    let client = format!("wattery-{}-{}", reader.meter, std::process::id());
    let mut options = MqttOptions::new(client, source.address.host.clone(), source.address.port);
    options.set_keep_alive(KEEP_ALIVE);
    options.set_clean_session(true);
    options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    if let Some(Login { user, secret }) = &source.login {
        let path = secrets.join(secret);
        let password = tokio::fs::read_to_string(&path).await.map_err(|error| {
            format!("the password cannot be read: {error}; put it into {}", path.display())
        })?;
        options.set_credentials(user.clone(), password.trim_end());
    }
    Ok(options)
}

/// Takes messages until the connection is of no more use: why.
async fn listen(
    reader: &mut Reader,
    source: &MqttSource,
    client: &AsyncClient,
    mut events: EventLoop,
) -> String {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                reader.connected();
                if let Err(error) = client.try_subscribe(source.topic.clone(), QoS::AtMostOnce) {
                    return error.to_string();
                }
            }
            Ok(Event::Incoming(Packet::SubAck(answer))) => {
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                    return format!("the broker refuses a subscription to `{}`", source.topic);
                }
            }
            Ok(Event::Incoming(Packet::Publish(message))) => take(reader, source, &message).await,
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
}

async fn take(reader: &mut Reader, source: &MqttSource, message: &Publish) {
    match payload::read(&source.fields, &message.payload) {
        // The broker kept it, nobody knows for how long.
        Ok(payload) if message.retain && payload.at.is_none() => {}
        Ok(payload) => reader.says(&payload.figures, payload.at, None).await,
        Err(_) if message.retain => {}
        Err(error) => reader.doubted(&error.to_string()).await,
    }
}
