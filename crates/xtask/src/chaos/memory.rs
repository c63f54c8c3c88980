//! The memory of each role over time.
//!
//! Out: the median of the last third against the one of the middle third, both after the last page was
//! submitted: what grows without end grows between them. Roles must not be restarted meanwhile.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tokio::time::sleep;

use super::world::World;
use crate::figures::{median, rounded};
use crate::usage;

const STEP: Duration = Duration::from_secs(1);
const MOST: f64 = 1.1;
const MIB: f64 = 1024.0 * 1024.0;

/// Looks at processes again and again.
pub(super) struct Memory {
    roles: Vec<Watched>,
}

struct Watched {
    name: String,
    pid: u32,
    samples: Vec<u64>,
}

/// How one role's memory went.
#[derive(Debug, Serialize)]
pub(super) struct Growth {
    role: String,
    middle_mib: f64,
    last_mib: f64,
    ratio: f64,
}

impl Memory {
    /// Of the processes that are in the roles' places now; of none where nothing is to be measured.
    pub(super) fn of(world: &World, is_measured: bool) -> Self {
        let roles = world.roles.iter().filter(|_| is_measured);
        let watched = roles.filter_map(|slot| {
            Some(Watched {
                name: slot.name.clone(),
                pid: slot.role.pid()?,
                samples: Vec::new(),
            })
        });
        Self {
            roles: watched.collect(),
        }
    }

    /// Never ends.
    pub(super) async fn watch<T>(&mut self) -> T {
        loop {
            for role in &mut self.roles {
                role.samples.extend(usage::rss_bytes(role.pid).ok());
            }
            sleep(STEP).await;
        }
    }

    pub(super) fn growth(self) -> Vec<Growth> {
        let roles = self
            .roles
            .into_iter()
            .filter(|role| role.samples.len() >= 3);
        let growths = roles.map(|role| {
            let third = role.samples.len() / 3;
            let median_of = |samples: &[u64]| median(samples.iter().map(|bytes| *bytes as f64));
            let middle = median_of(&role.samples[third..2 * third]);
            let last = median_of(&role.samples[2 * third..]);
            Growth {
                role: role.name,
                middle_mib: (middle / MIB * 10.0).round() / 10.0,
                last_mib: (last / MIB * 10.0).round() / 10.0,
                ratio: rounded(last / middle),
            }
        });
        growths.collect()
    }
}

impl Growth {
    pub(super) fn is_bounded(&self) -> bool {
        self.ratio <= MOST
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            role,
            middle_mib,
            last_mib,
            ratio,
        } = self;
        write!(f, "{role}: {middle_mib} MiB, then {last_mib} MiB ({ratio})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_between_the_middle_and_the_last_third_is_seen() {
        let of = |samples: Vec<u64>| {
            let role = Watched {
                name: "crawler-1".to_owned(),
                pid: 1,
                samples,
            };
            Memory { roles: vec![role] }.growth().remove(0)
        };
        assert!(of(vec![1, 1, 1, 100, 100, 100, 109, 109, 109]).is_bounded());
        assert!(!of(vec![1, 1, 1, 100, 100, 100, 112, 112, 112]).is_bounded());
    }
}
