//! P1 telegrams over TCP: the meter sends by itself to whoever is connected.

use std::time::Duration;

use ::meters::telegram::{self, BadTelegram};
use charging::network::source::P1Source;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::Reader;

/// Meters send every ten seconds, older ones every minute; a port that is silent for longer is connected to again.
const SILENT_AFTER: Duration = Duration::from_secs(90);

/// Listens for ever.
pub async fn read(mut reader: Reader, source: &P1Source) {
    loop {
        let why = match reader.connect(&source.address).await {
            Ok(stream) => {
                reader.connected();
                format!("{}: {}", source.address, listen(&mut reader, stream).await)
            }
            Err(why) => why,
        };
        reader.failed_then_wait(&why).await;
    }
}

/// Takes telegrams until the connection is of no more use: why.
async fn listen(reader: &mut Reader, mut stream: TcpStream) -> String {
    let mut telegrams = telegram::Reader::default();
    let mut bytes = [0; 1_024];
    loop {
        let length = match tokio::time::timeout(SILENT_AFTER, stream.read(&mut bytes)).await {
            Ok(Ok(0)) => return "the connection was closed".to_owned(),
            Ok(Ok(length)) => length,
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return format!("nothing came for {SILENT_AFTER:?}"),
        };
        for found in telegrams.take(bytes.get(..length).unwrap_or_default()) {
            match found {
                Ok(telegram) => reader.says(&telegram.figures, None, telegram.stamp.as_deref()).await,
                // What was lost on the way says nothing of the meter.
                Err(
                    error @ (BadTelegram::Checksum { .. } | BadTelegram::TooLong | BadTelegram::NoChecksum),
                ) => {
                    reader.failed(&error.to_string());
                }
                Err(error @ BadTelegram::Value { .. }) => reader.doubted(&error.to_string()).await,
            }
        }
    }
}
