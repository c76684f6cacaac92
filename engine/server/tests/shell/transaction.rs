//! A transaction as stations of either version tell it.

use ocpp::Version;
use serde_json::{Value, json};
use units::{TimeSpan, Timestamp};
use wire::station::LinkError;

use crate::support::{SpokenStation, within};

/// What station and server call a transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// The server's number (OCPP 1.6).
    Number(i64),
    /// The station's own text (OCPP 2.0.1).
    Text(String),
}

impl SpokenStation {
    /// Plugs in and starts a transaction with `KEY`, once the directory that knows it is published.
    pub async fn begin(&mut self, register: i64, at: Timestamp) -> Named {
        self.plug_in().await;
        let (named, status) = self.try_begin(register, at).await.unwrap();
        assert_eq!(status, "Accepted", "{named:?}");
        named
    }

    /// Waits until `KEY` is known, and tells that an EV is there, with the time: so that the clock is trusted.
    pub async fn plug_in(&mut self) {
        let (token, answered) = match self.version {
            Version::V16 => (json!({"idTag": "KEY"}), "idTagInfo"),
            Version::V201 | Version::V21 => (json!({"idToken": token()}), "idTokenInfo"),
        };
        within("the directory with KEY", async {
            while self.call("Authorize", token.clone()).await[answered]["status"] != "Accepted" {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let now = crate::support::now();
        let status = match self.version {
            Version::V16 => {
                json!({"connectorId": 1, "errorCode": "NoError", "status": "Preparing", "timestamp": now})
            }
            Version::V201 | Version::V21 => {
                json!({"evseId": 1, "connectorId": 1, "connectorStatus": "Occupied", "timestamp": now})
            }
        };
        self.call("StatusNotification", status).await;
    }

    /// What the transaction is called, and what became of the token.
    pub async fn try_begin(&mut self, register: i64, at: Timestamp) -> Result<(Named, Value), LinkError> {
        if self.version == Version::V16 {
            let start = json!({"connectorId": 1, "idTag": "KEY", "meterStart": register, "timestamp": at.to_string()});
            let answer = self.try_call("StartTransaction", start).await?;
            let number = answer["transactionId"].as_i64().unwrap();
            return Ok((Named::Number(number), answer["idTagInfo"]["status"].clone()));
        }
        self.seq_no = 0;
        // Registers only rise, so that no two transactions of a station begin with the same.
        let name = format!("at-{register}");
        let mut event = self.event("Started", &name, register, at);
        event["triggerReason"] = json!("Authorized");
        event["idToken"] = token();
        let answer = self.try_call("TransactionEvent", event).await?;
        Ok((Named::Text(name), answer["idTokenInfo"]["status"].clone()))
    }

    /// Tells a register amid the transaction.
    pub async fn read(&mut self, named: &Named, register: i64, at: Timestamp) -> Result<(), LinkError> {
        let (action, payload) = match named {
            Named::Number(number) => {
                let mut values = crate::support::meter_values(*number, register, "6.0");
                values["meterValue"][0]["timestamp"] = json!(at.to_string());
                ("MeterValues", values)
            }
            Named::Text(name) => ("TransactionEvent", self.event("Updated", name, register, at)),
        };
        let answer = self.try_call(action, payload).await?;
        assert_eq!(answer, json!({}), "{action}");
        Ok(())
    }

    /// Ends the transaction because the EV was unplugged.
    pub async fn end(&mut self, named: &Named, register: i64, at: Timestamp) -> Result<(), LinkError> {
        let (action, payload) = match named {
            Named::Number(number) => {
                let mut stop = crate::support::stop(*number, register);
                stop["timestamp"] = json!(at.to_string());
                ("StopTransaction", stop)
            }
            Named::Text(name) => {
                let mut event = self.event("Ended", name, register, at);
                event["triggerReason"] = json!("EVCommunicationLost");
                event["transactionInfo"]["chargingState"] = json!("Idle");
                event["transactionInfo"]["stoppedReason"] = json!("EVDisconnected");
                ("TransactionEvent", event)
            }
        };
        let answer = self.try_call(action, payload).await?;
        assert!(answer.is_object(), "{action} was answered with {answer}");
        Ok(())
    }

    fn event(&mut self, kind: &str, name: &str, register: i64, at: Timestamp) -> Value {
        let context = match kind {
            "Started" => "Transaction.Begin",
            "Ended" => "Transaction.End",
            _ => "Sample.Periodic",
        };
        let seq_no = self.seq_no;
        self.seq_no += 1;
        json!({
            "eventType": kind, "timestamp": at.to_string(), "triggerReason": "MeterValuePeriodic", "seqNo": seq_no,
            "evse": {"id": 1, "connectorId": 1},
            "transactionInfo": {"transactionId": name, "chargingState": "Charging"},
            "meterValue": [{"timestamp": at.to_string(), "sampledValue": [{
                "value": register, "context": context, "measurand": "Energy.Active.Import.Register",
                "unitOfMeasure": {"unit": "Wh"},
            }]}],
        })
    }
}

fn token() -> Value {
    json!({"idToken": "KEY", "type": "ISO14443"})
}

/// So many minutes before now.
pub fn minutes_ago(minutes: i64) -> Timestamp {
    server::clock::Clock::real().now() - TimeSpan::from_minutes(minutes)
}
