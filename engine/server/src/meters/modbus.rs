//! Modbus TCP: the meter is asked, request by request, as its register map says.

use std::time::Duration;

use ::meters::figures::Figures;
use ::meters::registers::{self, Function, RegisterMap, Request};
use charging::network::source::ModbusSource;
use tokio::time::MissedTickBehavior;
use tokio_modbus::client::{Context, Reader as _, tcp};
use tokio_modbus::slave::Slave;

use super::Reader;

/// A gateway waits about a second for a meter on its bus.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Asks for ever.
pub async fn read(mut reader: Reader, source: &ModbusSource) {
    let Some(map) = registers::model(&source.model) else {
        // Site files are checked; a model can be gone only with another version of this program.
        return reader.failed(&format!("no register map `{}`: import the site file again", source.model));
    };
    loop {
        let why = match reader.connect(&source.address).await {
            Ok(stream) => {
                reader.connected();
                let device = tcp::attach_slave(stream, Slave(source.unit));
                poll(&mut reader, source, map, device).await
            }
            Err(why) => why,
        };
        reader.failed_then_wait(&why).await;
    }
}

/// Asks every so often, until the connection is of no more use: why.
async fn poll(reader: &mut Reader, source: &ModbusSource, map: &RegisterMap, mut device: Context) -> String {
    let every = u64::try_from(source.every.milliseconds()).unwrap_or(2_000);
    let mut ticks = tokio::time::interval(Duration::from_millis(every));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let requests = map.requests();
    loop {
        ticks.tick().await;
        let mut figures = Figures::default();
        let mut nonsense = None;
        for &request in &requests {
            let words = match ask(&mut device, map.function, request).await {
                Ok(words) => words,
                Err(why) => return format!("{} (unit {}): {why}", source.address, source.unit),
            };
            nonsense = nonsense.or(map.take(request, &words, &mut figures).err());
        }
        match nonsense {
            None => reader.says(&figures, None, None).await,
            Some(nonsense) => reader.doubted(&nonsense.to_string()).await,
        }
    }
}

async fn ask(device: &mut Context, function: Function, request: Request) -> Result<Vec<u16>, String> {
    let Request { start, count } = request;
    let asked = async {
        match function {
            Function::Holding => device.read_holding_registers(start, count).await,
            Function::Input => device.read_input_registers(start, count).await,
        }
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, asked).await {
        Ok(Ok(Ok(words))) => Ok(words),
        Ok(Ok(Err(refusal))) => {
            Err(format!("registers from {start} are refused: {refusal}; is it this model?"))
        }
        Ok(Err(error)) => Err(format!("no answer for registers from {start}: {error}")),
        Err(_) => Err(format!("no answer for registers from {start} within {ANSWER_TIMEOUT:?}")),
    }
}
