//! The plan of faults: what happens to whom and when, from the seed alone.
//!
//! Every kind that is asked for comes once, in an order by chance, and then again and again until the
//! time is over. Nothing is in two faults at once.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use testkit::proxy::Direction;

use super::site::Mood;
use crate::dice::Dice;

/// Kinds of faults, as they are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// No faults at all.
    None,
    /// SIGKILL for a role or a server, and a start a while later.
    Kills,
    /// A role kills itself between its effect and its ack, or around its publish.
    Crashes,
    /// SIGSTOP for a role or a server, for seconds.
    Pauses,
    /// Connections are dropped, and new ones refused for a while.
    Cuts,
    /// Everything on the way takes longer.
    Delays,
    /// Connections swallow what goes in one direction.
    Halves,
    /// A stream is filled to its limit.
    Fills,
    /// A consumer is deleted.
    Consumers,
    /// The site answers with errors, hangs, resets, cuts bodies short.
    Site,
    /// A node of the cluster is cut off from the others.
    Partitions,
    /// The nodes of the cluster are restarted one after the other.
    Rolling,
}

/// Roles, each a process.
pub(super) const ROLES: [&str; 6] = [
    "crawler",
    "crawler",
    "extractor",
    "extractor",
    "indexer",
    "indexer",
];

/// Consumers that are deleted, with their streams.
pub(super) const CONSUMERS: [(&str, &str); 5] = [
    ("SUBMIT", "admission"),
    ("CRAWL", "crawler"),
    ("PAGES", "extractor"),
    ("AGAIN", "extractor"),
    ("SPEECHES", "indexer"),
];

/// Streams that are filled.
pub(super) const FILLED: [&str; 2] = ["PAGES", "SPEECHES"];

const MOMENTS: [(usize, &str); 7] = [
    (0, "admission:before_publish"),
    (0, "admission:after_publish"),
    (0, "crawler:before_publish"),
    (0, "crawler:after_publish"),
    (2, "extractor:before_publish"),
    (2, "extractor:after_publish"),
    (4, "indexer:after_task"),
];

const MOODS: [Mood; 7] = [
    Mood::Failing,
    Mood::Unavailable,
    Mood::TooMany,
    Mood::Hanging,
    Mood::Resetting,
    Mood::Truncating,
    Mood::Dragging,
];

/// What a fault befalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// By its place in [`ROLES`].
    Role(usize),
    /// A nats-server; one more than there are stands for the leader.
    Nats(usize),
    Meili,
}

/// What is done at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Kill(Target),
    Start(Target),
    /// The role is started anew, to crash at this moment.
    Crash(usize, &'static str),
    Pause(Target),
    Resume(Target),
    Cut(Target),
    Drop(Target),
    Delay(Target, Duration),
    Half(Target, Direction),
    Heal(Target),
    Fill(&'static str),
    Drain(&'static str),
    DeleteConsumer(&'static str, &'static str),
    Mood(Mood),
    Isolate(usize),
    Rejoin(usize),
}

/// A moment of the plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) at: Duration,
    pub(super) act: Act,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7.2} s  {:?}", self.at.as_secs_f64(), self.act)
    }
}

/// All there is to plan with.
pub(super) struct Scope<'a> {
    pub(super) seed: u64,
    pub(super) kinds: &'a [Kind],
    /// No fault begins or ends later.
    pub(super) length: Duration,
    pub(super) num_nodes: usize,
}

/// The steps in the order of their time.
pub(super) fn plan(scope: &Scope<'_>) -> Vec<Step> {
    let mut planner = Planner {
        // Not the dice of the site.
        dice: Dice::new(scope.seed ^ 0x5eed),
        num_nodes: scope.num_nodes,
        busy: HashMap::new(),
        steps: Vec::new(),
    };
    let mut round = Vec::new();
    let mut now = 2_000;
    let end = u64::try_from(scope.length.as_millis()).unwrap_or(u64::MAX);
    while now < end && !scope.kinds.is_empty() {
        if round.is_empty() {
            round = scope.kinds.to_vec();
        }
        let kind = round.swap_remove(planner.dice.below(round.len()));
        planner.add(kind, now, end);
        now += planner.between(700, 2_200);
    }
    planner.steps.sort_by_key(|step| step.at);
    planner.steps
}

struct Planner {
    dice: Dice,
    num_nodes: usize,
    /// Until when, in milliseconds.
    busy: HashMap<Place, u64>,
    steps: Vec<Step>,
}

/// What is in one fault at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Process(Target),
    Way(Target),
    /// Of a cluster a majority has to stand.
    Cluster,
    Fill,
    Site,
}

impl Planner {
    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.dice.next() % (high - low)
    }

    fn add(&mut self, kind: Kind, now: u64, end: u64) {
        match kind {
            Kind::None => {}
            Kind::Kills => {
                let target = self.target();
                let length = self.between(100, 3_000);
                let place = self.place(target);
                self.last(
                    place,
                    now,
                    length,
                    end,
                    Act::Kill(target),
                    Act::Start(target),
                );
            }
            Kind::Crashes => {
                let (first, moment) = self.dice.pick(&MOMENTS);
                let role = first + self.dice.below(2);
                if self.take(Place::Process(Target::Role(role)), now, now + 500) {
                    self.step(now, Act::Crash(role, moment));
                }
            }
            Kind::Pauses => {
                let target = self.target();
                let length = self.between(1_000, 7_000);
                let place = self.place(target);
                self.last(
                    place,
                    now,
                    length,
                    end,
                    Act::Pause(target),
                    Act::Resume(target),
                );
            }
            Kind::Cuts | Kind::Delays | Kind::Halves => {
                let way = self.server();
                let act = match kind {
                    Kind::Delays => Act::Delay(way, Duration::from_millis(self.between(20, 300))),
                    Kind::Halves if self.dice.below(2) == 0 => Act::Half(way, Direction::ToServer),
                    Kind::Halves => Act::Half(way, Direction::ToClient),
                    _ if self.dice.below(2) == 0 => Act::Drop(way),
                    _ => Act::Cut(way),
                };
                let length = self.between(500, 5_000);
                self.last(Place::Way(way), now, length, end, act, Act::Heal(way));
            }
            Kind::Fills => {
                let stream = self.dice.pick(&FILLED);
                let length = self.between(2_000, 5_000);
                self.last(
                    Place::Fill,
                    now,
                    length,
                    end,
                    Act::Fill(stream),
                    Act::Drain(stream),
                );
            }
            Kind::Consumers => {
                let (stream, consumer) = self.dice.pick(&CONSUMERS);
                self.step(now, Act::DeleteConsumer(stream, consumer));
            }
            Kind::Site => {
                let mood = self.dice.pick(&MOODS);
                let length = self.between(1_000, 4_000);
                self.last(
                    Place::Site,
                    now,
                    length,
                    end,
                    Act::Mood(mood),
                    Act::Mood(Mood::Fine),
                );
            }
            Kind::Partitions | Kind::Rolling if self.num_nodes == 1 => {}
            Kind::Partitions => {
                let node = self.dice.below(self.num_nodes);
                let length = self.between(2_000, 8_000);
                let (begin, finish) = (Act::Isolate(node), Act::Rejoin(node));
                self.last(Place::Cluster, now, length, end, begin, finish);
            }
            Kind::Rolling => self.roll(now, end),
        }
    }

    /// One node after the other, each down for a second, with time to catch up.
    fn roll(&mut self, now: u64, end: u64) {
        const APART: u64 = 3_000;
        let until = now + APART * self.num_nodes as u64;
        if until > end || !self.take(Place::Cluster, now, until) {
            return;
        }
        for node in 0..self.num_nodes {
            let at = now + APART * node as u64;
            self.step(at, Act::Kill(Target::Nats(node)));
            self.step(at + 1_000, Act::Start(Target::Nats(node)));
        }
    }

    fn target(&mut self) -> Target {
        match self.dice.below(10) {
            0..7 => Target::Role(self.dice.below(ROLES.len())),
            7 => Target::Meili,
            _ => self.node(),
        }
    }

    fn server(&mut self) -> Target {
        if self.dice.below(3) == 0 {
            Target::Meili
        } else {
            Target::Nats(self.dice.below(self.num_nodes))
        }
    }

    fn node(&mut self) -> Target {
        // In a cluster one more: whoever leads when the time has come.
        let extra = usize::from(self.num_nodes > 1);
        Target::Nats(self.dice.below(self.num_nodes + extra))
    }

    fn place(&self, target: Target) -> Place {
        match target {
            Target::Nats(_) if self.num_nodes > 1 => Place::Cluster,
            target => Place::Process(target),
        }
    }

    /// A fault that lasts, unless the place is in another one.
    fn last(&mut self, place: Place, now: u64, length: u64, end: u64, begin: Act, finish: Act) {
        let until = now + length;
        if until <= end && self.take(place, now, until) {
            self.step(now, begin);
            self.step(until, finish);
        }
    }

    fn take(&mut self, place: Place, now: u64, until: u64) -> bool {
        if self.busy.get(&place).is_some_and(|&busy| busy > now) {
            return false;
        }
        // A moment to find its feet.
        self.busy.insert(place, until + 500);
        true
    }

    fn step(&mut self, at: u64, act: Act) {
        let at = Duration::from_millis(at);
        self.steps.push(Step { at, act });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Kind; 9] = [
        Kind::Kills,
        Kind::Crashes,
        Kind::Pauses,
        Kind::Cuts,
        Kind::Delays,
        Kind::Halves,
        Kind::Fills,
        Kind::Consumers,
        Kind::Site,
    ];

    fn of(seed: u64) -> Vec<String> {
        let scope = Scope {
            seed,
            kinds: &ALL,
            length: Duration::from_secs(60),
            num_nodes: 1,
        };
        plan(&scope).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_seed_gives_one_plan_and_another_seed_another_one() {
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn what_is_stopped_is_started_within_the_time() {
        for seed in 0..50 {
            let plan = of(seed);
            for (begin, finish) in [("Kill", "Start"), ("Pause", "Resume"), ("Fill", "Drain")] {
                let count = |word: &str| plan.iter().filter(|step| step.contains(word)).count();
                assert_eq!(count(begin), count(finish), "{seed}: {begin}");
            }
        }
    }
}
