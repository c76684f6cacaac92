//! The enumerations of the standard, each word or what came instead, and those that all versions have alike.

/// Declares one enumeration. A word is read whatever its case and surrounding blanks; `|` gives other spellings. Words
/// after `since_v21` exist from OCPP 2.1 on; with `open_in_v21` OCPP 2.1 takes any word of up to so many characters.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident {
        $( $(#[$variant_doc:meta])* $variant:ident = $text:literal $(| $also:literal)* ),+ $(,)?
    } $(since_v21 {
        $( $(#[$new_doc:meta])* $new:ident = $new_text:literal ),+ $(,)?
    })? $(open_in_v21 $open:literal)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $( $(#[$variant_doc])* $variant, )+
            $( $( $(#[$new_doc])* $new, )+ )?
            /// A word that the standard does not have, as it came; empty where none came. Never sent.
            Other(String),
        }

        impl $name {
            /// The words of the standard; without those that only OCPP 2.1 has.
            pub const STANDARD: &[Self] = &[$( Self::$variant ),+];

            /// The word as it stands in a frame.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $text, )+
                    $( $( Self::$new => $new_text, )+ )?
                    Self::Other(text) => text,
                }
            }
        }

        impl $crate::fields::Word for $name {
            fn from_wire(text: &str) -> Self {
                match text {
                    $( $text => return Self::$variant, )+
                    $( $( $new_text => return Self::$new, )+ )?
                    _ => {}
                }
                let trimmed = text.trim();
                $(
                    if [$text $(, $also)*].iter().any(|known| trimmed.eq_ignore_ascii_case(known)) {
                        return Self::$variant;
                    }
                )+
                $( $(
                    if trimmed.eq_ignore_ascii_case($new_text) {
                        return Self::$new;
                    }
                )+ )?
                Self::Other(text.to_owned())
            }

            fn as_wire(&self) -> &str {
                self.as_str()
            }

            fn is_known_in(&self, version: $crate::Version) -> bool {
                // Most words are of all versions.
                let _ = version;
                match self {
                    $( Self::$variant => true, )+
                    $( $( Self::$new => version >= $crate::Version::V21, )+ )?
                    Self::Other(text) => {
                        version >= $crate::Version::V21 && (1..=[0 $(, $open)?].into_iter().max().unwrap_or(0)).contains(&text.chars().count())
                    }
                }
            }
        }

        impl $crate::member::Value for $name {
            const EXPECTED: &'static str = "a word";

            fn take(
                fields: &mut $crate::fields::Fields<'_>,
                field: &'static str,
                json: &$crate::json::Json<'_>,
                _bounds: &$crate::member::Bounds,
            ) -> Result<Option<Self>, $crate::PayloadError> {
                Ok($crate::member::read_word(fields, field, json))
            }

            fn put(
                &self,
                out: &mut $crate::writer::Writer,
                field: &'static str,
                _bounds: &$crate::member::Bounds,
            ) {
                $crate::member::write_word(self, out, field);
            }

            fn none() -> Option<Self> {
                Some(Self::Other(String::new()))
            }

            fn is_none(&self) -> bool {
                matches!(self, Self::Other(text) if text.is_empty())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                $crate::fields::Word::from_wire(&text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $crate::fields::Word::from_wire(text)
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// What came of a request that is taken or not.
    AcceptedStatus {
        /// Taken.
        Accepted = "Accepted",
        /// Not taken.
        Rejected = "Rejected",
    }
}

words! {
    /// Whether a station is part of the service.
    RegistrationStatus {
        /// It is.
        Accepted = "Accepted",
        /// Not yet: it may send nothing but what we ask for.
        Pending = "Pending",
        /// It is not.
        Rejected = "Rejected",
    }
}

words! {
    /// What came of a vendor's message.
    DataTransferStatus {
        /// Understood.
        Accepted = "Accepted",
        /// Understood and refused.
        Rejected = "Rejected",
        /// The vendor is known, the message is not.
        UnknownMessageId = "UnknownMessageId",
        /// The vendor is unknown.
        UnknownVendorId = "UnknownVendorId",
    }
}

words! {
    /// What came of asking for a message.
    TriggerMessageStatus {
        /// It will be sent.
        Accepted = "Accepted",
        /// It will not.
        Rejected = "Rejected",
        /// The station cannot send it.
        NotImplemented = "NotImplemented",
    }
}

words! {
    /// Whether something should be in service.
    OperationalStatus {
        /// Out of service.
        Inoperative = "Inoperative",
        /// In service.
        Operative = "Operative",
    }
}

words! {
    /// What came of a change that may have to wait for the end of a transaction.
    ScheduledStatus {
        /// Done, or it was so already.
        Accepted = "Accepted",
        /// Refused.
        Rejected = "Rejected",
        /// It will be done when the transaction ends: a success.
        Scheduled = "Scheduled",
    }
}

words! {
    /// What came of removing profiles.
    ClearChargingProfileStatus {
        /// Removed.
        Accepted = "Accepted",
        /// None matched.
        Unknown = "Unknown",
    }
}
