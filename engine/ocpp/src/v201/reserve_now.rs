//! ReserveNow: an EVSE is kept for somebody.

use super::types::{EvseNumber, IdToken, status_response};
use crate::maintenance::ReservationStatus;
use crate::member::structures;
use crate::time::StationTime;
use crate::words::words;

words! {
    /// A connector's kind; a name that begins with c is of a cable, one with s of a socket.
    ConnectorKind {
        /// Combo 1.
        CCcs1 = "cCCS1",
        /// Combo 2.
        CCcs2 = "cCCS2",
        /// CHAdeMO.
        CG105 = "cG105",
        /// Tesla's.
        CTesla = "cTesla",
        /// Type 1.
        CType1 = "cType1",
        /// Type 2.
        CType2 = "cType2",
        /// One phase of 16 A by IEC 60309.
        S309OnePhase16 = "s309-1P-16A",
        /// One phase of 32 A by IEC 60309.
        S309OnePhase32 = "s309-1P-32A",
        /// Three phases of 16 A by IEC 60309.
        S309ThreePhase16 = "s309-3P-16A",
        /// Three phases of 32 A by IEC 60309.
        S309ThreePhase32 = "s309-3P-32A",
        /// The British one.
        SBs1361 = "sBS1361",
        /// The one with an earth pin or clips.
        SCee77 = "sCEE-7-7",
        /// Type 2.
        SType2 = "sType2",
        /// Type 3.
        SType3 = "sType3",
        /// Another of one phase up to 16 A.
        OtherOnePhaseMax16 = "Other1PhMax16A",
        /// Another of one phase over 16 A.
        OtherOnePhaseOver16 = "Other1PhOver16A",
        /// Another of three phases.
        OtherThreePhase = "Other3Ph",
        /// A pantograph.
        Pan = "Pan",
        /// Without wire, inductive.
        WInductive = "wInductive",
        /// Without wire, resonant.
        WResonant = "wResonant",
        /// Not settled.
        Undetermined = "Undetermined",
        /// Not known.
        Unknown = "Unknown",
    } open_in_v21 20
}

structures! {
    /// We reserve.
    ReserveNowRequest {
        /// Our number of the reservation; one of the same number is replaced.
        id: u32 = required "id",
        /// Until when.
        expiry_date_time: StationTime = required "expiryDateTime",
        /// Only a connector of this kind.
        connector_type: Option<ConnectorKind> = optional "connectorType",
        /// For whom.
        id_token: IdToken = required "idToken",
        /// The EVSE; `None` is any.
        evse_id: Option<EvseNumber> = optional "evseId",
        /// Or for all of this group.
        group_id_token: Option<IdToken> = optional "groupIdToken",
    }
}

status_response! {
    /// The station's answer.
    ReserveNowResponse, ReservationStatus
}
