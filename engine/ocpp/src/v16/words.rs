//! The enumerations of OCPP 1.6: each word of the standard, or what came instead.

/// Declares one enumeration. A word is read whatever its case and surrounding blanks; `|` gives other spellings.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident {
        $( $(#[$variant_doc:meta])* $variant:ident = $text:literal $(| $also:literal)* ),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $( $(#[$variant_doc])* $variant, )+
            /// A word that the standard does not have, as it came; empty where none came. Never sent.
            Other(String),
        }

        impl $name {
            /// The words of the standard.
            pub const STANDARD: &[Self] = &[$( Self::$variant ),+];

            /// The word as it stands in a frame.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $text, )+
                    Self::Other(text) => text,
                }
            }
        }

        impl $crate::fields::Word for $name {
            fn from_wire(text: &str) -> Self {
                match text {
                    $( $text => return Self::$variant, )+
                    _ => {}
                }
                let trimmed = text.trim();
                $(
                    if [$text $(, $also)*].iter().any(|known| trimmed.eq_ignore_ascii_case(known)) {
                        return Self::$variant;
                    }
                )+
                Self::Other(text.to_owned())
            }

            fn as_wire(&self) -> &str {
                self.as_str()
            }

            fn is_other(&self) -> bool {
                matches!(self, Self::Other(_))
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
