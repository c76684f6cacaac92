//! What operators ask of upkeep.

use units::{RequestId, Timestamp};

use super::{Answered, UpkeepCommand};
use crate::contract::CommandAnswer;
use crate::csms::Csms;

impl Csms {
    /// The answer, or nothing where it comes once stations have answered.
    pub(crate) fn upkeep_command(
        &mut self,
        now: Timestamp,
        request: RequestId,
        actor: &str,
        command: UpkeepCommand,
    ) -> Option<CommandAnswer> {
        let done = |result: Result<(), String>| match result {
            Ok(()) => CommandAnswer::Done,
            Err(reason) => CommandAnswer::Refused(vec![reason]),
        };
        let answer = match command {
            UpkeepCommand::Begin(order) => {
                let answered = order.answered;
                match (self.begin_job(now, request, actor, *order), answered) {
                    (Err(reasons), _) => CommandAnswer::Refused(reasons),
                    (Ok(number), Answered::AtOnce) => CommandAnswer::Numbered(number),
                    (Ok(_), Answered::AtTheEnd) => return None,
                }
            }
            UpkeepCommand::Cancel { job } => done(self.cancel_job(now, job)),
            UpkeepCommand::Resume { job } => done(self.resume_job(now, job)),
            UpkeepCommand::PutTemplate(template) => match self.put_template(now, *template) {
                Ok(()) => CommandAnswer::Done,
                Err(reasons) => CommandAnswer::Refused(reasons),
            },
            UpkeepCommand::RemoveTemplate { id } => done(self.remove_template(now, &id)),
            UpkeepCommand::CheckSettings(selection) => match self.selected(&selection) {
                Ok(stations) => {
                    let here: Vec<_> =
                        stations.into_iter().filter(|station| self.is_reachable(station)).collect();
                    let count = here.len();
                    for station in here {
                        self.begin_round(now, &station);
                    }
                    CommandAnswer::Numbered(u64::try_from(count).unwrap_or(u64::MAX))
                }
                Err(reasons) => CommandAnswer::Refused(reasons),
            },
            UpkeepCommand::KeepList { station, is_kept } => done(self.keep_list(now, &station, is_kept)),
            UpkeepCommand::Reserve { evse, token, until } => {
                match self.reserve(now, actor, (evse, token, until)) {
                    Ok(number) => CommandAnswer::Numbered(number.into()),
                    Err(reason) => CommandAnswer::Refused(vec![reason]),
                }
            }
            UpkeepCommand::CancelReservation { reservation } => {
                match self.cancel_reservation(now, reservation, (request, actor.into())) {
                    Ok(()) => return None,
                    Err(reason) => CommandAnswer::Refused(vec![reason]),
                }
            }
            UpkeepCommand::Received { upload, received } => done(self.file_received(now, upload, received)),
        };
        Some(answer)
    }
}

/// For the audit: no token, no payload.
pub(crate) fn in_words(command: &UpkeepCommand) -> String {
    match command {
        UpkeepCommand::Begin(order) => format!("begin a job: {}", order.work),
        UpkeepCommand::Cancel { job } => format!("cancel job {job}"),
        UpkeepCommand::Resume { job } => format!("resume job {job}"),
        UpkeepCommand::PutTemplate(template) => {
            format!("set template {} of {} settings", template.id, template.settings.len())
        }
        UpkeepCommand::RemoveTemplate { id } => format!("remove template {id}"),
        UpkeepCommand::CheckSettings(_) => "look at the settings of stations".to_owned(),
        UpkeepCommand::KeepList { station, is_kept: true } => {
            format!("keep a local list in station {station}")
        }
        UpkeepCommand::KeepList { station, is_kept: false } => {
            format!("empty the local list of station {station}")
        }
        UpkeepCommand::Reserve { evse, until, .. } => format!("reserve EVSE {evse} until {until}"),
        UpkeepCommand::CancelReservation { reservation } => format!("cancel reservation {reservation}"),
        UpkeepCommand::Received { upload, received } => {
            format!("take upload {upload}: {} of {} bytes", received.name, received.bytes)
        }
    }
}
