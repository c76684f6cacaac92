//! SetNetworkProfile: how a station reaches a management system.

use units::TimeSpan;

use super::types::status_response;
use crate::member::{Secret, SecretNumber, structures};
use crate::words::words;

words! {
    /// How the network is told who asks.
    ApnAuthentication {
        /// By a challenge.
        Chap = "CHAP",
        /// Not at all.
        None = "NONE",
        /// By a password.
        Pap = "PAP",
        /// As the network wants.
        Auto = "AUTO",
    }
}

words! {
    /// By which of the station's networks.
    OcppInterface {
        /// The first by wire.
        Wired0 = "Wired0",
        /// The second by wire.
        Wired1 = "Wired1",
        /// The third by wire.
        Wired2 = "Wired2",
        /// The fourth by wire.
        Wired3 = "Wired3",
        /// The first without.
        Wireless0 = "Wireless0",
        /// The second without.
        Wireless1 = "Wireless1",
        /// The third without.
        Wireless2 = "Wireless2",
        /// The fourth without.
        Wireless3 = "Wireless3",
    } since_v21 {
        /// Any.
        Any = "Any",
    }
}

words! {
    /// How messages are carried.
    OcppTransport {
        /// JSON over WebSocket.
        Json = "JSON",
        /// SOAP; not in OCPP 2.0.1.
        Soap = "SOAP",
    }
}

words! {
    /// The version spoken.
    OcppVersion {
        /// OCPP 1.2.
        Ocpp12 = "OCPP12",
        /// OCPP 1.5.
        Ocpp15 = "OCPP15",
        /// OCPP 1.6.
        Ocpp16 = "OCPP16",
        /// OCPP 2.0 or 2.0.1.
        Ocpp20 = "OCPP20",
    } since_v21 {
        /// OCPP 2.0.1.
        Ocpp201 = "OCPP201",
        /// OCPP 2.1.
        Ocpp21 = "OCPP21",
    }
}

words! {
    /// How a tunnel is made.
    VpnKind {
        /// IKEv2.
        IkeV2 = "IKEv2",
        /// IPSec.
        IpSec = "IPSec",
        /// L2TP.
        L2tp = "L2TP",
        /// PPTP.
        Pptp = "PPTP",
    }
}

structures! {
    /// We write one of a station's profiles.
    SetNetworkProfileRequest {
        /// Which.
        configuration_slot: i32 = required "configurationSlot",
        /// The profile.
        connection_data: NetworkConnectionProfile = required "connectionData",
    }

    /// How a management system is reached.
    NetworkConnectionProfile {
        /// Over a mobile network.
        apn: Option<Apn> = optional "apn",
        /// The version spoken; in OCPP 2.1 `None` leaves it to the handshake.
        ocpp_version: Option<OcppVersion> = required "ocppVersion" [optional_in_v21()],
        /// How messages are carried.
        ocpp_transport: OcppTransport = required "ocppTransport",
        /// The address, to which the station adds its identity; at most 512 characters, in OCPP 2.1 2000.
        ocpp_csms_url: String = required "ocppCsmsUrl" [chars(512).chars_v21(2000)],
        /// How long the station waits for an answer.
        message_timeout: TimeSpan = required "messageTimeout",
        /// The security profile, 1 to 3.
        security_profile: u8 = required "securityProfile",
        /// By which of its networks.
        ocpp_interface: OcppInterface = required "ocppInterface",
        /// In a tunnel.
        vpn: Option<Vpn> = optional "vpn",
        /// Under which name; at most 48 characters, `None` is its own.
        identity: Option<String> = optional "identity" [since_v21().chars(48)],
        /// With which password; at most 64 characters.
        basic_auth_password: Option<Secret> = optional "basicAuthPassword" [since_v21().chars(64)],
    }

    /// A mobile network.
    Apn {
        /// Its name; at most 512 characters, in OCPP 2.1 2000.
        apn: String = required "apn" [chars(512).chars_v21(2000)],
        /// Who; at most 20 characters, in OCPP 2.1 50.
        apn_user_name: Option<String> = optional "apnUserName" [chars(20).chars_v21(50)],
        /// The password; at most 20 characters, in OCPP 2.1 64.
        apn_password: Option<Secret> = optional "apnPassword" [chars(20).chars_v21(64)],
        /// The card's number.
        sim_pin: Option<SecretNumber> = optional "simPin",
        /// The operator preferred; at most 6 digits.
        preferred_network: Option<String> = optional "preferredNetwork" [chars(6)],
        /// And no other; `None` is any.
        use_only_preferred_network: Option<bool> = optional "useOnlyPreferredNetwork",
        /// How it is told who asks.
        apn_authentication: ApnAuthentication = required "apnAuthentication",
    }

    /// A tunnel.
    Vpn {
        /// Its end; at most 512 characters, in OCPP 2.1 2000.
        server: String = required "server" [chars(512).chars_v21(2000)],
        /// Who; at most 20 characters, in OCPP 2.1 50.
        user: String = required "user" [chars(20).chars_v21(50)],
        /// The group; at most 20 characters, in OCPP 2.1 50.
        group: Option<String> = optional "group" [chars(20).chars_v21(50)],
        /// The password; at most 20 characters, in OCPP 2.1 64.
        password: Secret = required "password" [chars(20).chars_v21(64)],
        /// The key that both ends share; at most 255 characters.
        key: Secret = required "key" [chars(255)],
        /// How it is made.
        kind: VpnKind = required "type",
    }
}

words! {
    /// What came of a profile.
    SetNetworkProfileStatus {
        /// It is written.
        Accepted = "Accepted",
        /// It is not.
        Rejected = "Rejected",
        /// The station failed.
        Failed = "Failed",
    }
}

status_response! {
    /// The station's answer.
    SetNetworkProfileResponse, SetNetworkProfileStatus
}
