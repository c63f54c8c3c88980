//! What each user of NATS may do, and no more: the permissions in `deploy/nats-permissions.conf`.
//!
//! In: the declared streams, consumers and buckets. Out: subjects, as nats-server checks them
//! (authorization, `permissions`). Never a key: those stand in nobody's repository.
//!
//! Keys of the bucket `hosts` begin with the host, labels and all, and a wildcard is one label. So
//! what others write there is denied label by label, up to [`MAX_LABELS`]: were it allowed label by
//! label, a page that links to a name with more of them would hold a role up for ever.

use std::fmt::Write as _;

use crate::topology::{
    Bucket, CRAWL, CRAWLER_CONSUMES, ConsumerSpec, EXTRACTOR_CONSUMES, INDEXER_CONSUMES, PAGES,
    SPEECHES, SUBMIT, StreamSpec,
};

/// Labels of a host whose records are guarded.
const MAX_LABELS: usize = 10;

/// Buckets that every role reads.
const SHARED: [Bucket; 4] = [Bucket::Urls, Bucket::Hosts, Bucket::Attempts, Bucket::Jobs];

/// What inboxes begin with; each user listens to its own alone, for answers hold pages and records.
pub(crate) const INBOX: &str = "_INBOX_";

/// Records of hosts, by the end of their keys.
const OF_HOSTS: [&str; 9] = [
    "again", "block", "clock", "control", "memory", "profile", "release", "robots", "vanished",
];

/// The users, as their keys and the variables of the configuration are called.
pub const USERS: [&str; 5] = ["crawler", "extractor", "indexer", "submitter", "operator"];

/// What a user may publish and listen to.
#[derive(Debug, Default)]
struct Permissions {
    publish: Vec<String>,
    never_publish: Vec<String>,
    subscribe: Vec<String>,
}

/// A role, as far as the broker sees it.
struct Role {
    name: &'static str,
    consumers: &'static [ConsumerSpec],
    /// Subjects.
    publishes: &'static [&'static str],
    /// Ends of keys in `urls`.
    of_urls: &'static [&'static str],
    /// Ends of keys in `hosts`.
    of_hosts: &'static [&'static str],
    /// Keys in `jobs`.
    jobs: &'static [&'static str],
    /// Buckets that it alone reads and writes.
    buckets: &'static [Bucket],
    /// Streams whose last messages it looks up, besides those that it consumes.
    looks_up: &'static [StreamSpec],
    /// Streams of which it erases messages.
    erases: &'static [StreamSpec],
    /// Streams that it trims.
    trims: &'static [StreamSpec],
}

const ROLES: [Role; 3] = [
    Role {
        name: "crawler",
        consumers: &CRAWLER_CONSUMES,
        publishes: &[
            "crawl.request.*",
            "crawl.later.*",
            "crawl.recrawl.*",
            "page.fetched.*",
        ],
        of_urls: &["admission", "crawl"],
        of_hosts: &["clock", "robots"],
        jobs: &["counts.admission", "counts.crawler", "sweep.*"],
        buckets: &[],
        looks_up: &[PAGES],
        erases: &[CRAWL],
        trims: &[],
    },
    Role {
        name: "extractor",
        consumers: &EXTRACTOR_CONSUMES,
        publishes: &["speech.changed.*", "crawl.found", "page.again.*"],
        of_urls: &["extract"],
        of_hosts: &["again", "memory", "profile", "vanished"],
        jobs: &["counts.extractor"],
        buckets: &[],
        looks_up: &[SPEECHES],
        erases: &[PAGES],
        trims: &[PAGES],
    },
    Role {
        name: "indexer",
        consumers: &INDEXER_CONSUMES,
        publishes: &[],
        of_urls: &[],
        of_hosts: &[],
        jobs: &["counts.indexer", "reindex"],
        buckets: &[Bucket::Copies],
        looks_up: &[],
        erases: &[],
        trims: &[],
    },
];

impl Role {
    fn permissions(&self) -> Permissions {
        let mut publish: Vec<String> = [
            "$JS.API.INFO",
            "$JS.API.STREAM.INFO.*",
            "$JS.API.CONSUMER.INFO.*.*",
        ]
        .map(ToOwned::to_owned)
        .into();
        publish.extend(self.publishes.iter().map(|&subject| subject.to_owned()));
        for consumer in self.consumers {
            let (stream, name) = (consumer.stream.name, consumer.name);
            publish.push(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"));
            // One that was deleted is created again.
            let filter = consumer.filter;
            publish.push(format!("$JS.API.CONSUMER.CREATE.{stream}.{name}.{filter}"));
            // Both forms: with the domain and the account, and without (NATS ADR-15).
            publish.push(format!("$JS.ACK.{stream}.{name}.>"));
            publish.push(format!("$JS.ACK.*.*.{stream}.{name}.>"));
            publish.push(format!("dead.{name}.*"));
            publish.push(format!("$KV.{}.{stream}.*", Bucket::Attempts.name()));
        }
        let consumed = self.consumers.iter().map(|consumer| consumer.stream.name);
        let looked_up = self.looks_up.iter().map(|stream| stream.name);
        let mut read: Vec<String> = consumed.chain(looked_up).map(ToOwned::to_owned).collect();
        let buckets = SHARED.iter().chain(self.buckets);
        read.extend(buckets.map(|bucket| format!("KV_{}", bucket.name())));
        for stream in read {
            publish.push(format!("$JS.API.DIRECT.GET.{stream}"));
            publish.push(format!("$JS.API.DIRECT.GET.{stream}.>"));
            publish.push(format!("$JS.API.STREAM.MSG.GET.{stream}"));
        }
        for stream in self.erases {
            publish.push(format!("$JS.API.STREAM.MSG.DELETE.{}", stream.name));
        }
        for stream in self.trims {
            publish.push(format!("$JS.API.STREAM.PURGE.{}", stream.name));
        }
        for end in self.of_urls {
            publish.push(format!("$KV.{}.*.{end}", Bucket::Urls.name()));
        }
        for key in self.jobs {
            publish.push(format!("$KV.{}.{key}", Bucket::Jobs.name()));
        }
        for bucket in self.buckets {
            publish.push(format!("$KV.{}.>", bucket.name()));
        }
        let mut never_publish = Vec::new();
        if !self.of_hosts.is_empty() {
            publish.push(format!("$KV.{}.>", Bucket::Hosts.name()));
            let others = OF_HOSTS.iter().filter(|end| !self.of_hosts.contains(end));
            for end in others {
                never_publish.extend((1..=MAX_LABELS).map(|num_labels| {
                    let host = vec!["*"; num_labels].join(".");
                    format!("$KV.{}.{host}.{end}", Bucket::Hosts.name())
                }));
            }
        }
        publish.sort();
        publish.dedup();
        Permissions {
            publish,
            never_publish,
            subscribe: vec![format!("{INBOX}{}.>", self.name)],
        }
    }
}

/// Whoever may only hand in URLs, with any client of NATS.
fn submitter() -> Permissions {
    Permissions {
        publish: vec![
            format!("$JS.API.STREAM.INFO.{}", SUBMIT.name),
            SUBMIT.subjects[0].to_owned(),
        ],
        never_publish: Vec::new(),
        subscribe: vec!["_INBOX.>".to_owned(), format!("{INBOX}submit.>")],
    }
}

fn operator() -> Permissions {
    Permissions {
        publish: vec![">".to_owned()],
        never_publish: Vec::new(),
        subscribe: vec![">".to_owned()],
    }
}

/// The configuration of nats-server: one variable a user, for `permissions: $crawler_may` and the like.
pub fn permissions_conf() -> String {
    let mut text =
        "# What each user of NATS may do: included by nats-secure.conf. Written by the code that\n\
         # declares streams and consumers (crates/worker/src/permissions.rs); a test compares.\n"
            .to_owned();
    let roles = ROLES.iter().map(|role| (role.name, role.permissions()));
    for (name, permissions) in roles.chain([("submitter", submitter()), ("operator", operator())]) {
        let _ = writeln!(text, "\n{name}_may {{\n  publish {{");
        list(&mut text, "allow", &permissions.publish);
        list(&mut text, "deny", &permissions.never_publish);
        text.push_str("  }\n  subscribe {\n");
        list(&mut text, "allow", &permissions.subscribe);
        text.push_str("  }\n}\n");
    }
    text
}

fn list(text: &mut String, name: &str, subjects: &[String]) {
    if subjects.is_empty() {
        return;
    }
    let _ = writeln!(text, "    {name}: [");
    for subject in subjects {
        let _ = writeln!(text, "      \"{subject}\"");
    }
    text.push_str("    ]\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/nats-permissions.conf"
    );

    #[test]
    fn the_permissions_in_deploy_are_those_of_the_code() {
        let wanted = permissions_conf();
        let found = std::fs::read_to_string(FILE).unwrap_or_default();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(FILE, &wanted).unwrap();
        } else {
            assert!(found == wanted, "{FILE}: UPDATE_GOLDEN=1 writes it anew");
        }
    }

    #[test]
    fn no_two_roles_write_the_same_subject_but_attempts_apart() {
        for (at, role) in ROLES.iter().enumerate() {
            for other in &ROLES[at + 1..] {
                for subject in role.publishes {
                    assert!(!other.publishes.contains(subject), "{subject}");
                }
                for end in role.of_urls {
                    assert!(!other.of_urls.contains(end), "{end}");
                }
                for end in role.of_hosts {
                    assert!(!other.of_hosts.contains(end), "{end}");
                }
            }
        }
    }
}
