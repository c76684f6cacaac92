//! S9: what others command a circuit to carry lowers the headroom of its rows, in every decision, and never lifts any.

use units::{Amperes, CircuitId, Timestamp};

use super::Site;
use super::decide::RowNow;
use crate::network::Row;
use crate::terms::Commanded;

impl Site {
    /// By how much the commands in force lower what a row may carry below its rating less reserve; 0 A and more.
    pub(super) fn lowering(&self, row: &Row, now: Timestamp) -> Amperes {
        if self.commands.is_empty() {
            return Amperes::ZERO;
        }
        let circuit = &self.network.circuit(row.circuit).id;
        self.commanded(circuit, now)
            .map_or(Amperes::ZERO, |command| (row.limit() - command.limit).max(Amperes::ZERO))
    }

    /// The lowest command in force for a circuit.
    pub(super) fn commanded(&self, circuit: &CircuitId, now: Timestamp) -> Option<&Commanded> {
        let in_force =
            |command: &&Commanded| command.circuit == *circuit && command.from <= now && now < command.until;
        self.commands.iter().filter(in_force).min_by_key(|command| command.limit)
    }

    /// Rows as commanded.
    pub(super) fn lowered(&self, mut rows: Vec<RowNow>, now: Timestamp) -> Vec<RowNow> {
        if !self.commands.is_empty() {
            for (row, offers) in self.network.rows().iter().zip(&mut rows) {
                let lowering = self.lowering(row, now);
                offers.likely -= lowering;
                offers.highest -= lowering;
            }
        }
        rows
    }

    /// When commands begin and end.
    pub(super) fn command_changes(&self) -> impl Iterator<Item = Timestamp> {
        self.commands.iter().flat_map(|command| [command.from, command.until])
    }
}
