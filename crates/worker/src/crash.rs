//! Planned faults: a process that is told so kills itself at a given moment, as `kill -9` would.

use std::sync::OnceLock;

use rustix::process::{Signal, getpid, kill_process};

/// The moments at which a crash must lose nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CrashAt {
    /// The input is handled, nothing is published.
    BeforePublish,
    /// The outputs are acknowledged, the records are not written and the input is not acked.
    AfterPublish,
    /// A batch has taken effect, none of its inputs is acked.
    AfterTask,
}

impl CrashAt {
    fn name(self) -> &'static str {
        match self {
            Self::BeforePublish => "before_publish",
            Self::AfterPublish => "after_publish",
            Self::AfterTask => "after_task",
        }
    }

    /// Ends the process here if `SPEECHMILL_CRASH_AT` is `<stage>:<moment>`, or that and `:<id>` of
    /// the message in hand.
    pub(crate) fn check(self, stage: &str, id: &str) {
        let Some(plan) = plan() else { return };
        let moment = format!("{stage}:{}", self.name());
        if *plan == moment || *plan == format!("{moment}:{id}") {
            tracing::error!("planned crash at {moment} of {id}");
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }

    /// Whether any crash is planned.
    pub(crate) fn is_planned() -> bool {
        plan().is_some()
    }
}

fn plan() -> Option<&'static String> {
    static PLAN: OnceLock<Option<String>> = OnceLock::new();
    let plan = PLAN.get_or_init(|| std::env::var("SPEECHMILL_CRASH_AT").ok());
    plan.as_ref()
}
