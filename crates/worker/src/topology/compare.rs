//! Tells in words how what exists differs from what we declare. Never alters anything.

use std::fmt::Debug;
use std::time::Duration;

use async_nats::jetstream::{consumer, stream};

struct Words(Vec<String>);

impl Words {
    fn compare<T: PartialEq + Debug>(&mut self, field: &str, found: &T, declared: &T) {
        if found != declared {
            self.0
                .push(format!("{field} is {found:?} and should be {declared:?}"));
        }
    }
}

/// No limit is written -1 or 0, as the server likes.
fn limit(value: i64) -> Option<i64> {
    (value > 0).then_some(value)
}

pub(super) fn stream(found: &stream::Config, declared: &stream::Config) -> Vec<String> {
    let mut words = Words(Vec::new());
    words.compare("subjects", &found.subjects, &declared.subjects);
    words.compare("retention", &found.retention, &declared.retention);
    words.compare("discard", &found.discard, &declared.discard);
    words.compare(
        "max_bytes",
        &limit(found.max_bytes),
        &limit(declared.max_bytes),
    );
    words.compare(
        "max_msgs_per_subject",
        &limit(found.max_messages_per_subject),
        &limit(declared.max_messages_per_subject),
    );
    words.compare("max_age", &found.max_age, &declared.max_age);
    words.compare(
        "max_msg_size",
        &limit(found.max_message_size.into()),
        &limit(declared.max_message_size.into()),
    );
    words.compare("num_replicas", &found.num_replicas, &declared.num_replicas);
    words.compare("allow_direct", &found.allow_direct, &declared.allow_direct);
    words.compare(
        "allow_msg_schedules",
        &found.allow_message_schedules,
        &declared.allow_message_schedules,
    );
    words.0
}

pub(super) fn consumer(found: &consumer::Config, declared: &consumer::pull::Config) -> Vec<String> {
    let mut words = Words(Vec::new());
    words.compare(
        "filter_subject",
        &found.filter_subject,
        &declared.filter_subject,
    );
    words.compare("ack_policy", &found.ack_policy, &declared.ack_policy);
    words.compare("ack_wait", &found.ack_wait, &declared.ack_wait);
    words.compare(
        "max_deliver",
        &limit(found.max_deliver),
        &limit(declared.max_deliver),
    );
    words.compare(
        "max_ack_pending",
        &found.max_ack_pending,
        &declared.max_ack_pending,
    );
    words.compare(
        "priority_policy",
        &found.priority_policy,
        &declared.priority_policy,
    );
    words.compare(
        "priority_groups",
        &found.priority_groups,
        &declared.priority_groups,
    );
    if declared.priority_timeout != Duration::ZERO {
        words.compare(
            "priority_timeout",
            &found.priority_timeout,
            &declared.priority_timeout,
        );
    }
    words.0
}
