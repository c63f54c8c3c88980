//! The web site: several hosts, pages with a fate each, and moods in which it answers badly.
//!
//! It writes down which version of a page it served last. An answer that was spoilt by a mood does not
//! count as served.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use testkit::{FakeSite, Reply, Request};

use super::fate::{self, Fate};
use crate::dice::Dice;

const NUM_HOSTS: usize = 8;
const LINKS: usize = 8;
/// Of a hundred requests so many meet the mood of the site.
const MOODY: usize = 60;

/// How the site answers for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Fine,
    Failing,
    Unavailable,
    TooMany,
    Hanging,
    Resetting,
    Truncating,
    Dragging,
}

/// What the site knows of a page.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) fate: Fate,
    pub(super) url: String,
    path: String,
    host: usize,
    /// What it holds now; a vanishing one is gone from version 2 on.
    pub(super) version: u32,
    /// What was served last.
    pub(super) served: Option<u32>,
}

pub(super) struct Site {
    hosts: Vec<FakeSite>,
    state: Arc<Mutex<State>>,
}

struct State {
    pages: Vec<Page>,
    mood: Mood,
    dice: Dice,
}

impl Site {
    /// So many pages, all of this seed.
    pub(super) async fn start(num_pages: usize, seed: u64) -> Self {
        let mut hosts = Vec::new();
        for _ in 0..NUM_HOSTS {
            hosts.push(FakeSite::start().await);
        }
        let mut dice = Dice::new(seed);
        let pages = (0..num_pages)
            .map(|number| {
                let host = number % NUM_HOSTS;
                let path = format!("/detail/{number}.html");
                Page {
                    fate: Fate::of(&mut dice),
                    url: hosts[host].url(&path),
                    path,
                    host,
                    version: 1,
                    served: None,
                }
            })
            .collect();
        let state = Arc::new(Mutex::new(State {
            pages,
            mood: Mood::Fine,
            dice,
        }));
        let site = Self { hosts, state };
        for (number, page) in site.pages().into_iter().enumerate() {
            let state = Arc::clone(&site.state);
            site.hosts[page.host].answer(&page.path, move |request| {
                lock(&state).answer(number, request)
            });
        }
        site
    }

    /// `127.0.0.1:PORT`, of all hosts.
    pub(super) fn hosts(&self) -> Vec<String> {
        self.hosts.iter().map(FakeSite::host).collect()
    }

    pub(super) fn set_mood(&self, mood: Mood) {
        lock(&self.state).mood = mood;
    }

    /// A new version of a page whose fate has several.
    pub(super) fn change(&self, number: usize) {
        let page = &mut lock(&self.state).pages[number];
        match page.fate {
            Fate::Changing => page.version += 1,
            Fate::Vanishing => page.version = 2,
            _ => {}
        }
    }

    /// Pages that change; or, those that vanish.
    pub(super) fn fickle(&self, vanishing: bool) -> Vec<usize> {
        let wanted = if vanishing {
            Fate::Vanishing
        } else {
            Fate::Changing
        };
        let pages = self.pages().into_iter().enumerate();
        pages
            .filter(|(_, page)| page.fate == wanted)
            .map(|(number, _)| number)
            .collect()
    }

    /// All pages as they stand.
    pub(super) fn pages(&self) -> Vec<Page> {
        lock(&self.state).pages.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn answer(&mut self, number: usize, request: &Request) -> Reply {
        let reply = self.decent(number);
        let is_moody = self.mood != Mood::Fine && self.dice.below(100) < MOODY;
        if is_moody && let Some(spoilt) = spoil(self.mood, reply.clone()) {
            return spoilt;
        }
        if request.method == "GET" {
            self.pages[number].served = Some(self.pages[number].version);
        }
        if is_moody && self.mood == Mood::Dragging {
            return reply.after(Duration::from_millis(700));
        }
        reply
    }

    fn decent(&self, number: usize) -> Reply {
        let page = &self.pages[number];
        let tag = format!("{number}-{}", page.version);
        match page.fate {
            Fate::Healthy | Fate::Changing => {
                Reply::html(fate::speech(number, page.version)).etag(&tag)
            }
            Fate::Vanishing if page.version == 1 => Reply::html(fate::speech(number, 1)).etag(&tag),
            Fate::Vanishing => Reply::status(if number.is_multiple_of(2) { 404 } else { 410 }),
            Fate::Gone(status) => Reply::status(status),
            Fate::Barren => Reply::html(fate::barren(&self.neighbours(number))),
            Fate::Broken(why) => why.reply(),
        }
    }

    fn neighbours(&self, number: usize) -> Vec<String> {
        (1..=LINKS)
            .map(|step| number + step * NUM_HOSTS)
            // Of this host, whatever its last page is.
            .map(|other| match self.pages.get(other) {
                Some(page) => page.path.clone(),
                None => self.pages[other % NUM_HOSTS].path.clone(),
            })
            .collect()
    }
}

/// `None`: this mood leaves the answer as it is.
fn spoil(mood: Mood, reply: Reply) -> Option<Reply> {
    Some(match mood {
        Mood::Failing => Reply::status(500),
        Mood::Unavailable => Reply::status(503),
        Mood::TooMany => Reply::status(429).header("Retry-After", "1"),
        Mood::Hanging => Reply::hang(),
        Mood::Resetting => Reply::close(),
        Mood::Truncating if reply.has_body() => reply.cut_after(200),
        Mood::Fine | Mood::Dragging | Mood::Truncating => return None,
    })
}

/// The pages by their URL.
pub(super) fn by_url(pages: &[Page]) -> HashMap<&str, usize> {
    let urls = pages.iter().enumerate();
    urls.map(|(number, page)| (page.url.as_str(), number))
        .collect()
}
