//! What upkeep takes back after a restart.

use super::job::Job;
use super::{Cause, ErrandState, JobRow, Lost, News, UpkeepRow};
use crate::csms::Csms;

impl Csms {
    /// Takes a row back. Jobs come before their errands.
    pub(crate) fn restore_upkeep(&mut self, row: &UpkeepRow) {
        let upkeep = &mut self.upkeep;
        match row {
            UpkeepRow::Job(JobRow { ended_at: Some(_), .. }) => {}
            UpkeepRow::Job(row) => {
                let job =
                    Job { row: row.clone(), errands: std::collections::BTreeMap::new(), requester: None };
                upkeep.jobs_at = Some(row.begun_at);
                upkeep.jobs.insert(row.job, job);
            }
            UpkeepRow::Errand(row) => {
                let Some(job) = upkeep.jobs.get_mut(&row.job) else { return };
                job.errands.insert(row.station.clone(), row.clone());
                if row.state == ErrandState::Asked {
                    self.core.news.push_back(News::Ended {
                        station: row.station.clone(),
                        cause: Cause::Errand { job: row.job, step: row.step },
                        end: Err(Lost("the server was restarted")),
                    });
                }
            }
            UpkeepRow::Template(row) if row.is_removed => {}
            UpkeepRow::Template(row) => {
                upkeep.templates.insert(row.template.id.clone(), row.clone());
            }
            UpkeepRow::Settings(row) => {
                if !row.settings.is_empty() {
                    let due = row.checked_at + super::attend::ROUND_EVERY;
                    upkeep.rounds_due.insert((due, row.station.clone()));
                }
                upkeep.settings.insert(row.station.clone(), row.clone());
            }
            UpkeepRow::LocalList(row) => {
                upkeep.lists.insert(row.station.clone(), row.clone());
            }
            UpkeepRow::Reservation(row) => {
                if row.state.is_open() {
                    upkeep.reservations.insert(row.reservation, row.clone());
                }
            }
            UpkeepRow::Availability(row) => {
                upkeep.availability.insert(row.key(), row.clone());
            }
            UpkeepRow::Upload(row) => {
                if row.received.is_none() {
                    upkeep.uploads.insert(row.upload, row.clone());
                }
            }
        }
    }
}
