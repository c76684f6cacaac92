//! What went into an engine and what left it, in order: so that another shell can be driven through the same, and compared.
//!
//! A journal holds every input that came from outside the shell, with its instant, and each moment at which a commit was
//! done: what a shell adds by itself (ticks at the roots' deadlines are told, CDRs and directories are not) follows from
//! these. Beside them stands what left: frames per link in order, and the records of both roots in order.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use units::{LinkId, RecordSeq, Timestamp};

/// A journal.
#[derive(Debug, Default)]
pub struct Journal {
    /// What happened, in order.
    pub entries: Vec<(Timestamp, Entry)>,
    /// What left.
    pub left: Left,
}

/// One thing that happened at the boundary of an engine's shell.
#[derive(Debug, Clone)]
pub enum Entry {
    /// An input for the sites.
    Csms(csms::Input),
    /// An input for the business.
    Office(office::Input),
    /// A commit is done: of each root, all records up to this one are on the disk.
    Committed {
        /// Of the sites, where it held any.
        csms: Option<RecordSeq>,
        /// Of the business, where it held any.
        office: Option<RecordSeq>,
    },
}

/// What left an engine.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Frames of each link, in the order in which they left.
    pub frames: BTreeMap<LinkId, Vec<Box<str>>>,
    /// Records of the sites as they are printed for debugging, with their numbers, in order.
    pub csms: Vec<String>,
    /// Records of the business, likewise.
    pub office: Vec<String>,
}

impl Left {
    /// A frame left on a link.
    pub fn frame(&mut self, link: LinkId, text: &str) {
        self.frames.entry(link).or_default().push(text.into());
    }

    /// A record of the sites was handed to the store.
    pub fn csms_record(&mut self, seq: RecordSeq, record: &csms::Record) {
        self.csms.push(format!("{seq} {record:?}"));
    }

    /// A record of the business was handed to the store.
    pub fn office_record(&mut self, seq: RecordSeq, record: &office::Record) {
        self.office.push(format!("{seq} {record:?}"));
    }

    /// SHA-256 over all of it, in hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (link, frames) in &self.frames {
            hash.update(format!("link {link}\n"));
            for frame in frames {
                hash.update(frame.as_bytes());
                hash.update(b"\n");
            }
        }
        for record in self.csms.iter().chain(&self.office) {
            hash.update(record.as_bytes());
            hash.update(b"\n");
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
