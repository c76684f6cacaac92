//! What is read of an X.509 Certificate (RFC 5280) beside what `rustls` checks: until when it holds, and whose it is. It
//! reads Distinguished Encoding Rules strictly and gives up at the first thing that it does not expect.

use units::Timestamp;

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// It holds from here on.
    pub not_before: Timestamp,
    /// It holds until here.
    pub not_after: Timestamp,
    /// The one common name of its subject, where there is exactly one.
    pub common_name: Option<Box<str>>,
}

const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `version`, which a certificate of the first version leaves out.
const VERSION: u8 = 0xa0;
/// 2.5.4.3, commonName.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// Reads a certificate; none where it is not one.
pub fn read(certificate: &[u8]) -> Option<Read> {
    let mut outer = Reader(certificate).expect(SEQUENCE)?;
    let mut body = outer.expect(SEQUENCE)?;
    if body.is_next(VERSION) {
        body.expect(VERSION)?;
    }
    body.expect(INTEGER)?;
    // The signature's algorithm, and the issuer.
    body.expect(SEQUENCE)?;
    body.expect(SEQUENCE)?;
    let mut validity = body.expect(SEQUENCE)?;
    let (not_before, not_after) = (validity.instant()?, validity.instant()?);
    let subject = body.expect(SEQUENCE)?;
    Some(Read { not_before, not_after, common_name: common_name(subject)? })
}

/// The outer option: whether the name can be read at all.
fn common_name(mut subject: Reader<'_>) -> Option<Option<Box<str>>> {
    let mut names = Vec::new();
    while !subject.0.is_empty() {
        let mut relative = subject.expect(SET)?;
        while !relative.0.is_empty() {
            let mut attribute = relative.expect(SEQUENCE)?;
            let kind = attribute.expect(OBJECT_IDENTIFIER)?;
            let (tag, value) = attribute.next()?;
            if kind.0 == COMMON_NAME {
                let is_text = matches!(tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING);
                names.push(std::str::from_utf8(value.0).ok().filter(|_| is_text));
            }
        }
    }
    match names.as_slice() {
        [Some(name)] => Some(Some((*name).into())),
        _ => Some(None),
    }
}

/// What is left to read.
#[derive(Debug, Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next value, with its tag.
    fn next(&mut self) -> Option<(u8, Self)> {
        let [tag, first, rest @ ..] = self.0 else { return None };
        let (length, rest) = match first {
            short @ 0..=0x7f => (usize::from(*short), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = bytes.iter().fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
                (length, rest)
            }
            0x80 | 0x85..=0xff => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, Self(value)))
    }

    fn expect(&mut self, tag: u8) -> Option<Self> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, value)| value)
    }

    fn is_next(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// RFC 5280 section 4.1.2.5: UTCTime until 2049, GeneralizedTime after it, to the second and in UTC.
    fn instant(&mut self) -> Option<Timestamp> {
        let (tag, value) = self.next()?;
        let text = std::str::from_utf8(value.0).ok()?.strip_suffix('Z')?;
        let text = match tag {
            UTC_TIME if text.len() == 12 => {
                let century = if text < "50" { "20" } else { "19" };
                format!("{century}{text}")
            }
            GENERALIZED_TIME if text.len() == 14 => text.to_owned(),
            _ => return None,
        };
        let part = |from: usize, until: usize| text.get(from..until);
        let (date, time) = (
            format!("{}-{}-{}", part(0, 4)?, part(4, 6)?, part(6, 8)?),
            format!("{}:{}:{}", part(8, 10)?, part(10, 12)?, part(12, 14)?),
        );
        format!("{date}T{time}Z").parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(names: &[&str], until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "As Oy Ä");
        for name in names {
            params.distinguished_name.push(rcgen::DnType::CommonName, *name);
        }
        params.not_before = rcgen::date_time_ymd(1999, 12, 31);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_tells_until_when_it_holds_and_whose_it_is() {
        for (until, told) in
            [((2049, 12, 31), "2049-12-31T00:00:00Z"), ((2050, 1, 1), "2050-01-01T00:00:00Z")]
        {
            let read = read(&made(&["P01"], until)).unwrap();
            assert_eq!(read.not_before, "1999-12-31T00:00:00Z".parse().unwrap());
            assert_eq!(read.not_after, told.parse().unwrap());
            assert_eq!(read.common_name.as_deref(), Some("P01"));
        }
        assert_eq!(read(&made(&[], (2049, 1, 1))).unwrap().common_name, None, "no name is nobody's");
    }

    #[test]
    fn what_is_cut_short_or_changed_is_refused_or_read_and_never_breaks_anything() {
        let whole = made(&["P01"], (2049, 1, 1));
        for length in 0..whole.len() - 1 {
            let _ = read(&whole[..length]);
        }
        assert_eq!(read(&whole[..100]), None);
        for place in 0..whole.len() {
            for byte in [0, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = whole.clone();
                changed[place] = byte;
                let _ = read(&changed);
            }
        }
    }
}
