//! What a process has used: CPU time and the most memory it ever held.
//!
//! Source: proc(5), `/proc/PID/stat` and `/proc/PID/status`. Linux only.

use std::time::Duration;

use anyhow::Context;

/// Fields of `stat`: time in user and in kernel mode, of a process and of its children.
const CPU: [usize; 2] = [14, 15];
const CPU_OF_CHILDREN: [usize; 2] = [16, 17];

/// Since the process started.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    /// In user and in kernel mode, all threads.
    pub(crate) cpu: Duration,
    /// The peak of the resident set.
    pub(crate) peak_rss_bytes: u64,
}

/// Of a running process.
pub(crate) fn of(pid: u32) -> anyhow::Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{pid}/{file}");
        std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))
    };
    let ticks = cpu_ticks(&read("stat")?, CPU).context("an unknown form of /proc/PID/stat")?;
    let peak = peak_rss_bytes(&read("status")?).context("/proc/PID/status without VmHWM")?;
    Ok(Usage {
        cpu: duration(ticks),
        peak_rss_bytes: peak,
    })
}

/// CPU time of the processes that this one started and saw end.
pub(crate) fn of_children() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("reading /proc/self/stat")?;
    let ticks = cpu_ticks(&stat, CPU_OF_CHILDREN).context("an unknown form of /proc/self/stat")?;
    Ok(duration(ticks))
}

/// What a running process holds in memory now.
pub(crate) fn rss_bytes(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    kib_of(&status, "VmRSS:").context("/proc/PID/status without VmRSS")
}

fn duration(ticks: u64) -> Duration {
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    Duration::from_secs_f64(ticks as f64 / ticks_per_second as f64)
}

/// The sum of two fields; the second of all, the name, may hold anything but a last parenthesis.
fn cpu_ticks(stat: &str, [user, kernel]: [usize; 2]) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(field(user)? + field(kernel)?)
}

fn peak_rss_bytes(status: &str) -> Option<u64> {
    kib_of(status, "VmHWM:")
}

/// In bytes.
fn kib_of(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_does_not_shift_the_fields() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 1 0 12 0 0";
        assert_eq!(cpu_ticks(stat, CPU), Some(300));
        assert_eq!(cpu_ticks(stat, CPU_OF_CHILDREN), Some(18));
    }

    #[test]
    fn the_peak_is_given_in_kibibytes() {
        assert_eq!(
            peak_rss_bytes("VmRSS:\t 1 kB\nVmHWM:\t  2048 kB\n"),
            Some(2 << 20)
        );
    }
}
