//! Who may speak in a station's name: what a station presents, held against what is kept of it.
//!
//! Three things keep a site that returns all at once, or that somebody guesses at, from disturbing anybody:
//!
//! - A password that was right once is known again by a keyed digest, in a microsecond. The key is drawn at each start
//!   and the digest is in this process's memory only, where the password itself is at every handshake: it tells
//!   whoever can read it nothing that they would not have anyway. It is forgotten with the password that it is of.
//! - Slow hashing happens on threads for it, as many at once as half the machine's cores.
//! - For one station one password is hashed at a time, with a pause after each that was wrong. Attempts that wait are
//!   taken from each address in turn, and those of one address make room first: the station itself waits behind one
//!   guess, not behind all of them. The limit is the station's and not the address's: all stations of a site share one.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use csms::SecurityProfile;
use csms::record::{SecurityRow, StoredPassword};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, oneshot};
use units::StationId;

use crate::password;
use crate::secret;

/// After a wrong password the next one is not looked at for this long: some nine guesses a second at one station.
const PAUSE: Duration = Duration::from_millis(100);
/// So many attempts wait for a turn at one station: they are all had within a second.
const WAITING_MAX: usize = 8;
/// A station that is refused again and again is in the log so often.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Of so many stations it is remembered when they were last told of; then all are told of anew.
const TOLD_MAX: usize = 4_096;

/// Who may speak.
#[derive(Debug)]
pub struct Door {
    least: SecurityProfile,
    kept: RwLock<BTreeMap<StationId, Kept>>,
    /// Of digests of passwords that were right.
    key: [u8; 32],
    hashing: Arc<Semaphore>,
    lines: Lines,
    told: Mutex<BTreeMap<StationId, Told>>,
}

/// What a station presents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// What it came over.
    pub transport: Transport,
    /// Its Authorization header.
    pub basic: Basic,
}

/// What a station came over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// TCP, readable by whoever carries it.
    Plain,
    /// TLS.
    Tls,
    /// TLS, with an X.509 Certificate of one of our roots; the common name of its subject, where there is one.
    Certified(Option<Box<str>>),
}

/// HTTP's Basic authentication (RFC 7617).
#[derive(Clone, PartialEq, Eq)]
pub enum Basic {
    /// No header.
    Absent,
    /// For the station named in the URL: the password, any bytes.
    Password(Vec<u8>),
    /// For another user name than the station named in the URL.
    OtherName,
    /// A header of another scheme, or one that cannot be read.
    Unreadable,
}

impl std::fmt::Debug for Basic {
    /// Without the password.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Absent => "Absent",
            Self::Password(_) => "Password",
            Self::OtherName => "OtherName",
            Self::Unreadable => "Unreadable",
        })
    }
}

/// Why a station is not let in. Words for the log: whoever is refused is told none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It came over TCP.
    #[error("it must come over TLS (security profile {0})")]
    NoTls(SecurityProfile),
    /// It brought no certificate.
    #[error("it must bring an X.509 certificate (security profile 3)")]
    NoCertificate,
    /// Its certificate is of another name.
    #[error("the common name of its X.509 certificate is not the id in the URL")]
    OtherCertificate,
    /// It brought no password.
    #[error("it brought no password (security profile {0})")]
    NoPassword(SecurityProfile),
    /// There is none that it could bring.
    #[error(
        "it has no password yet: `wattery admin station password ID` draws one; on a network that nobody else reaches, \
         --station-security-least 0 lets in stations without one"
    )]
    NoneKept,
    /// It is another one.
    #[error("its password is wrong")]
    WrongPassword,
    /// Others wait already.
    #[error("too many passwords are tried for it")]
    TooManyTries,
    /// The user name is not the station's.
    #[error("the user name in the Authorization header is not the id in the URL")]
    OtherName,
    /// No Basic authentication.
    #[error("the Authorization header is not Basic")]
    Unreadable,
    /// It is in no site, and such are refused.
    #[error("it is in no site (--unknown-stations refuse)")]
    Unknown,
}

/// By station.
type Lines = Arc<Mutex<BTreeMap<StationId, Line>>>;

/// What is kept of a station.
#[derive(Debug)]
struct Kept {
    row: SecurityRow,
    /// The digest of the password that was right last.
    right: Option<[u8; 32]>,
}

/// The attempts at one station.
#[derive(Debug, Default)]
struct Line {
    is_busy: bool,
    served_last: Option<IpAddr>,
    waiting: VecDeque<(IpAddr, oneshot::Sender<Turn>)>,
}

/// What the log was told of a station.
#[derive(Debug)]
struct Told {
    at: Instant,
    since: u64,
}

impl Door {
    /// A door at which every station must prove `least`.
    ///
    /// # Errors
    ///
    /// Where the system has no randomness.
    pub fn new(least: SecurityProfile) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            least,
            kept: RwLock::default(),
            key: secret::new_key()?,
            hashing: Arc::new(Semaphore::new((cores / 2).max(1))),
            lines: Arc::default(),
            told: Mutex::default(),
        })
    }

    /// Holds from now on.
    pub fn keep(&self, row: SecurityRow) {
        let mut kept = self.kept_mut();
        let right = kept.get(&row.station).filter(|before| before.row.password == row.password);
        let right = right.and_then(|before| before.right);
        kept.insert(row.station.clone(), Kept { row, right });
    }

    /// What is kept of a station.
    #[must_use]
    pub fn row(&self, station: &StationId) -> Option<SecurityRow> {
        self.kept().get(station).map(|kept| kept.row.clone())
    }

    /// What every station must prove.
    #[must_use]
    pub const fn least(&self) -> SecurityProfile {
        self.least
    }

    /// What a station must prove.
    #[must_use]
    pub fn required_of(&self, station: &StationId) -> SecurityProfile {
        self.kept().get(station).map(|kept| kept.row.profile).unwrap_or_default().max(self.least)
    }

    /// Whether nobody else can speak in the station's name, and the station itself can.
    #[must_use]
    pub fn is_secured(&self, station: &StationId) -> bool {
        let required = self.required_of(station);
        let has_password = self.kept().get(station).is_some_and(|kept| kept.row.password.is_some());
        required != SecurityProfile::Unauthenticated && (has_password || !required.needs_password())
    }

    /// What a station proves, if it is enough.
    ///
    /// # Errors
    ///
    /// What it lacks.
    pub async fn judge(
        &self,
        station: &StationId,
        presented: &Presented,
        from: IpAddr,
    ) -> Result<SecurityProfile, Denied> {
        let by_password = match &presented.transport {
            Transport::Certified(_) => return presented.transport.certifies(station),
            Transport::Tls => SecurityProfile::BasicOverTls,
            Transport::Plain => SecurityProfile::Basic,
        };
        let required = self.required_of(station);
        match required {
            SecurityProfile::Unauthenticated => return Ok(SecurityProfile::Unauthenticated),
            SecurityProfile::MutualTls => return Err(Denied::NoCertificate),
            SecurityProfile::Basic | SecurityProfile::BasicOverTls if by_password < required => {
                return Err(Denied::NoTls(required));
            }
            SecurityProfile::Basic | SecurityProfile::BasicOverTls => {}
        }
        let password = match &presented.basic {
            Basic::Password(password) => password,
            Basic::Absent => return Err(Denied::NoPassword(required)),
            Basic::OtherName => return Err(Denied::OtherName),
            Basic::Unreadable => return Err(Denied::Unreadable),
        };
        let stored = self.row(station).and_then(|row| row.password).ok_or(Denied::NoneKept)?;
        self.compare(station, &stored, password, from).await?;
        Ok(by_password)
    }

    async fn compare(
        &self,
        station: &StationId,
        stored: &StoredPassword,
        presented: &[u8],
        from: IpAddr,
    ) -> Result<(), Denied> {
        let digest = self.digest(station, &password::in_one_form(presented, stored.is_key));
        if self.was_right(station, &digest) {
            return Ok(());
        }
        if password::is_fast(stored) {
            if !password::is_right(stored, presented) {
                return Err(Denied::WrongPassword);
            }
            self.remember(station, stored, digest);
            return Ok(());
        }
        let mut turn = self.turn(station, from).await.ok_or(Denied::TooManyTries)?;
        // Another attempt may have found it out meanwhile.
        if !self.was_right(station, &digest) && !self.hash_aside(stored, presented).await {
            return Err(Denied::WrongPassword);
        }
        // Before the turn passes on: whoever waits with the same password need not have it hashed.
        self.remember(station, stored, digest);
        turn.pause = Duration::ZERO;
        Ok(())
    }

    /// Remembers a password that was right, unless another was set meanwhile.
    fn remember(&self, station: &StationId, stored: &StoredPassword, digest: [u8; 32]) {
        let mut kept = self.kept_mut();
        if let Some(kept) = kept.get_mut(station)
            && kept.row.password.as_ref() == Some(stored)
        {
            kept.right = Some(digest);
        }
    }

    /// Looks at a password on a thread for it.
    async fn hash_aside(&self, stored: &StoredPassword, presented: &[u8]) -> bool {
        let Ok(permit) = Arc::clone(&self.hashing).acquire_owned().await else { return false };
        let (stored, presented) = (stored.clone(), presented.to_vec());
        let looked = tokio::task::spawn_blocking(move || {
            let is_right = password::is_right(&stored, &presented);
            drop(permit);
            is_right
        });
        looked.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a password could not be looked at");
            false
        })
    }

    fn digest(&self, station: &StationId, password: &[u8]) -> [u8; 32] {
        let inner = Sha256::new_with_prefix(station.as_str()).chain_update([0]).chain_update(password);
        Sha256::new_with_prefix(self.key).chain_update(inner.finalize()).finalize().into()
    }

    fn was_right(&self, station: &StationId, digest: &[u8; 32]) -> bool {
        let right = self.kept().get(station).and_then(|kept| kept.right);
        right.is_some_and(|right| secret::is_same_digest(&right, digest))
    }

    /// Waits for the right to have a password hashed for a station; none where too many wait.
    async fn turn(&self, station: &StationId, from: IpAddr) -> Option<Turn> {
        let waiting = {
            let mut lines = locked(&self.lines);
            let line = lines.entry(station.clone()).or_default();
            if line.is_busy {
                line.queue(from)?
            } else {
                (line.is_busy, line.served_last) = (true, Some(from));
                return Some(Turn {
                    lines: Some(Arc::clone(&self.lines)),
                    station: station.clone(),
                    pause: PAUSE,
                });
            }
        };
        waiting.await.ok()
    }

    /// Whether the log is to be told that a station was refused, and of how many refusals it was not.
    pub fn tells(&self, station: &StationId, now: Instant) -> Option<u64> {
        let mut told = locked(&self.told);
        if let Some(told) = told.get_mut(station) {
            told.since += 1;
            if now.duration_since(told.at) < TELL_EVERY {
                return None;
            }
            let untold = told.since - 1;
            *told = Told { at: now, since: 0 };
            return Some(untold);
        }
        if told.len() >= TOLD_MAX {
            told.clear();
        }
        told.insert(station.clone(), Told { at: now, since: 0 });
        Some(0)
    }

    fn kept(&self) -> RwLockReadGuard<'_, BTreeMap<StationId, Kept>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<StationId, Kept>> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport {
    /// What is proved without a password.
    ///
    /// # Errors
    ///
    /// Where the certificate is somebody else's.
    pub fn certifies(&self, station: &StationId) -> Result<SecurityProfile, Denied> {
        match self {
            Self::Certified(name) if name.as_deref() == Some(station.as_str()) => {
                Ok(SecurityProfile::MutualTls)
            }
            Self::Certified(_) => Err(Denied::OtherCertificate),
            Self::Plain | Self::Tls => Ok(SecurityProfile::Unauthenticated),
        }
    }
}

impl Line {
    /// A place to wait in. Where all are taken, the address with the most gives up its last.
    fn queue(&mut self, from: IpAddr) -> Option<oneshot::Receiver<Turn>> {
        self.waiting.retain(|(_, turn)| !turn.is_closed());
        if self.waiting.len() >= WAITING_MAX {
            let count = |of: IpAddr| self.waiting.iter().filter(|(other, _)| *other == of).count();
            let greediest = self.waiting.iter().map(|(of, _)| *of).max_by_key(|of| count(*of))?;
            if count(greediest) <= count(from) + 1 {
                return None;
            }
            let last = self.waiting.iter().rposition(|(of, _)| *of == greediest)?;
            self.waiting.remove(last);
        }
        let (turn, had) = oneshot::channel();
        self.waiting.push_back((from, turn));
        Some(had)
    }

    /// Gives the turn to the next one: from another address than the last, where there is one.
    fn pass_on(&mut self, mut turn: Turn) {
        while !self.waiting.is_empty() {
            let other = self.waiting.iter().position(|(from, _)| Some(*from) != self.served_last);
            let Some((from, next)) = self.waiting.remove(other.unwrap_or(0)) else { break };
            match next.send(turn) {
                Ok(()) => {
                    self.served_last = Some(from);
                    return;
                }
                Err(back) => turn = back,
            }
        }
        turn.lines = None;
        self.is_busy = false;
    }
}

/// The right to have a password hashed for a station. Whoever waits has it next, after a pause.
#[derive(Debug)]
struct Turn {
    /// None once it was given up.
    lines: Option<Lines>,
    station: StationId,
    pause: Duration,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(lines) = self.lines.take() else { return };
        let (station, pause) = (self.station.clone(), self.pause);
        let pass_on = move || {
            let turn = Turn { lines: Some(Arc::clone(&lines)), station: station.clone(), pause: PAUSE };
            let mut lines = locked(&lines);
            let line = lines.entry(station.clone()).or_default();
            line.pass_on(turn);
            if !line.is_busy {
                lines.remove(&station);
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !pause.is_zero() => {
                runtime.spawn(async move {
                    tokio::time::sleep(pause).await;
                    pass_on();
                });
            }
            Ok(_) | Err(_) => pass_on(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::Password;
    use units::Timestamp;

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn station() -> StationId {
        "P01".parse().unwrap()
    }

    fn turn() -> Turn {
        Turn { lines: None, station: station(), pause: Duration::ZERO }
    }

    fn row(profile: SecurityProfile, password: Option<&Password>) -> SecurityRow {
        let password = password.map(|password| password.to_stored().unwrap());
        SecurityRow { station: station(), profile, password, changed_at: Timestamp::EPOCH }
    }

    fn with_password(transport: Transport, password: &str) -> Presented {
        Presented { transport, basic: Basic::Password(password.as_bytes().to_vec()) }
    }

    #[test]
    fn a_station_that_is_guessed_at_waits_behind_one_guess_and_not_behind_all() {
        let mut line = Line { is_busy: true, served_last: Some(address(1)), ..Line::default() };
        let mut guesses: Vec<_> = (0..WAITING_MAX).map(|_| line.queue(address(1)).unwrap()).collect();
        assert!(line.queue(address(1)).is_none(), "who fills the line is sent away");
        let mut own = line.queue(address(2)).unwrap();
        assert!(guesses.pop().unwrap().try_recv().is_err(), "the last guess made room");
        assert_eq!(line.waiting.len(), WAITING_MAX);
        line.pass_on(turn());
        assert!(own.try_recv().is_ok(), "another address than the last is next");
        line.pass_on(turn());
        assert!(guesses[0].try_recv().is_ok());
        drop(guesses);
        line.pass_on(turn());
        assert!(!line.is_busy && line.waiting.is_empty(), "who has left is passed over");
    }

    #[tokio::test]
    async fn less_than_the_profile_is_refused_and_more_is_not() {
        use SecurityProfile::{
            Basic as One, BasicOverTls as Two, MutualTls as Three, Unauthenticated as Zero,
        };
        let drawn = Password::draw().unwrap();
        let right = drawn.reveal();
        let absent = |transport: &Transport| Presented { transport: transport.clone(), basic: Basic::Absent };
        let with_password = |transport: &Transport, password| with_password(transport.clone(), password);
        let (plain, tls) = (&Transport::Plain, &Transport::Tls);
        let certified = |name: &str| Transport::Certified(Some(name.into()));
        for (least, profile, presented, judged) in [
            (Zero, Zero, absent(plain), Ok(Zero)),
            (Zero, One, absent(plain), Err(Denied::NoPassword(One))),
            (One, Zero, absent(tls), Err(Denied::NoPassword(One))),
            (One, Zero, with_password(plain, right), Ok(One)),
            (Zero, One, with_password(tls, right), Ok(Two)),
            (Zero, Two, with_password(plain, right), Err(Denied::NoTls(Two))),
            (Two, One, with_password(plain, right), Err(Denied::NoTls(Two))),
            (Two, One, with_password(tls, right), Ok(Two)),
            (Zero, Two, with_password(tls, "wrong"), Err(Denied::WrongPassword)),
            (Zero, Three, with_password(tls, right), Err(Denied::NoCertificate)),
            (
                Zero,
                One,
                Presented { transport: plain.clone(), basic: Basic::OtherName },
                Err(Denied::OtherName),
            ),
            (
                Zero,
                One,
                Presented { transport: plain.clone(), basic: Basic::Unreadable },
                Err(Denied::Unreadable),
            ),
            (Zero, Three, absent(&certified("P01")), Ok(Three)),
            (Zero, One, absent(&certified("P01")), Ok(Three)),
            (Zero, Three, absent(&certified("P02")), Err(Denied::OtherCertificate)),
            (Zero, Zero, absent(&Transport::Certified(None)), Err(Denied::OtherCertificate)),
        ] {
            let door = Door::new(least).unwrap();
            door.keep(row(profile, Some(&drawn)));
            let found = door.judge(&station(), &presented, address(1)).await;
            assert_eq!(found, judged, "{least:?} {profile:?} {presented:?}");
        }
        let door = Door::new(One).unwrap();
        let found = door.judge(&station(), &with_password(plain, right), address(1)).await;
        assert_eq!(found, Err(Denied::NoneKept));
    }

    #[tokio::test]
    async fn what_was_right_is_known_again_until_another_password_is_set() {
        let door = Door::new(SecurityProfile::Basic).unwrap();
        let (first, second) = (
            Password::choose("the first password").unwrap(),
            Password::choose("the second password").unwrap(),
        );
        door.keep(row(SecurityProfile::Basic, Some(&first)));
        let digest = door.digest(&station(), first.reveal().as_bytes());
        assert!(!door.was_right(&station(), &digest));
        let presented = with_password(Transport::Plain, first.reveal());
        assert!(door.judge(&station(), &presented, address(1)).await.is_ok());
        assert!(door.was_right(&station(), &digest));
        let raised = SecurityRow { profile: SecurityProfile::BasicOverTls, ..door.row(&station()).unwrap() };
        door.keep(raised);
        assert!(door.was_right(&station(), &digest), "the password is the same");
        door.keep(row(SecurityProfile::Basic, Some(&second)));
        assert!(!door.was_right(&station(), &digest));
        let judged = door.judge(&station(), &presented, address(1)).await;
        assert_eq!(judged, Err(Denied::WrongPassword));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_that_come_at_once_with_the_right_password_all_come_in_and_leave_no_line_behind() {
        let door = Arc::new(Door::new(SecurityProfile::Basic).unwrap());
        let chosen = Password::choose("a password of many").unwrap();
        door.keep(row(SecurityProfile::Basic, Some(&chosen)));
        let mut attempts = tokio::task::JoinSet::new();
        for number in 0..u8::try_from(WAITING_MAX).unwrap() {
            let (door, presented) = (Arc::clone(&door), with_password(Transport::Plain, chosen.reveal()));
            attempts.spawn(async move { door.judge(&station(), &presented, address(number)).await });
        }
        for judged in attempts.join_all().await {
            assert_eq!(judged, Ok(SecurityProfile::Basic));
        }
        assert!(locked(&door.lines).is_empty(), "nobody waits, and nothing is kept of who did");
    }

    #[test]
    fn the_log_is_told_the_first_refusal_and_then_of_many_at_once() {
        let door = Door::new(SecurityProfile::Basic).unwrap();
        let now = Instant::now();
        assert_eq!(door.tells(&station(), now), Some(0));
        for _ in 0..5 {
            assert_eq!(door.tells(&station(), now), None);
        }
        assert_eq!(door.tells(&station(), now + TELL_EVERY), Some(5));
        assert_eq!(door.tells(&"P02".parse().unwrap(), now), Some(0), "each station by itself");
    }

    #[test]
    fn no_password_is_printed() {
        let presented = with_password(Transport::Plain, "a secret that is long");
        assert!(!format!("{presented:?}").contains("secret") && !format!("{presented:?}").contains("97"));
    }
}
