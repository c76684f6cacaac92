//! A program that runs beside us, and what it used: read from `/proc`, which counts CPU time in hundredths of a second.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often a running program's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running program; dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Receiver<String>,
}

/// What a program used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time, all threads.
    pub cpu: Duration,
    /// The most memory it ever held (VmHWM), in KiB.
    pub memory_peak_kib: u64,
}

impl Running {
    /// Starts it; its standard output is read line by line, its standard error is ours.
    ///
    /// # Errors
    ///
    /// Where it cannot be started.
    pub fn start(mut command: Command) -> std::io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let (sender, lines) = channel();
        if let Some(output) = child.stdout.take() {
            // Ends with the program's output.
            std::thread::spawn(move || {
                BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
            });
        }
        Ok(Self { child, lines })
    }

    /// The rest of the first line that holds `begin`, from there on; none where that takes longer, or its output ends.
    pub fn line_after(&self, begin: &str, timeout: Duration) -> Option<String> {
        let until = Instant::now() + timeout;
        loop {
            let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())).ok()?;
            if let Some((_, rest)) = line.split_once(begin) {
                return Some(rest.trim().to_owned());
            }
        }
    }

    /// What it used so far; nothing once it has ended.
    #[must_use]
    pub fn usage(&self) -> Usage {
        usage_of(&self.child.id().to_string()).unwrap_or_default()
    }

    /// Waits for its end: what it printed, what it used, and whether it ended well.
    ///
    /// # Errors
    ///
    /// Where it cannot be waited for.
    pub fn finish(mut self) -> std::io::Result<(String, Usage, bool)> {
        let (mut printed, mut last) = (String::new(), Usage::default());
        loop {
            match self.lines.recv_timeout(LOOK_EVERY) {
                Ok(line) => printed = printed + &line + "\n",
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            last = last.and(self.usage());
        }
        // CPU time is told until the program is waited for; memory only while it lives.
        last = last.and(self.usage());
        let status = self.child.wait()?;
        Ok((printed, last, status.success()))
    }

    /// Kills it at once, as `kill -9` does.
    ///
    /// # Errors
    ///
    /// Where it cannot be killed.
    pub fn kill(mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, or have been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Usage {
    fn and(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.max(other.cpu),
            memory_peak_kib: self.memory_peak_kib.max(other.memory_peak_kib),
        }
    }
}

fn usage_of(process: &str) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some(Usage { cpu: cpu_of(&stat)?, memory_peak_kib: peak_of(&status).unwrap_or(0) })
}

/// Fields 14 and 15, counted from the closing bracket of the name, which is field 2 and may hold anything.
fn cpu_of(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_used_is_read_from_its_files() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 80 0 0 0 25 17 0 0 20 0 1 0 12 9 9";
        assert_eq!(cpu_of(stat), Some(Duration::from_millis(420)));
        assert_eq!(peak_of("VmPeak:\t 9 kB\nVmHWM:\t  4321 kB\n"), Some(4321));
        assert!(usage_of("self").unwrap_or_default().memory_peak_kib > 1_000);
    }

    #[test]
    fn a_program_is_read_and_waited_for_or_killed() {
        let mut echo = Command::new("sh");
        echo.args(["-c", "echo one; echo port 42; echo three; exit 3"]);
        let running = Running::start(echo).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(running.line_after("port", Duration::from_secs(20)).as_deref(), Some("42"));
        let (printed, _, is_good) = running.finish().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((printed.as_str(), is_good), ("three\n", false));

        let mut forever = Command::new("tail");
        forever.args(["-f", "/dev/null"]);
        let running = Running::start(forever).unwrap_or_else(|error| panic!("{error}"));
        running.kill().unwrap_or_else(|error| panic!("{error}"));
    }
}
