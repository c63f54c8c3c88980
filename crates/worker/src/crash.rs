//! Planned faults: a process that is told so kills itself at a given moment, as `kill -9` would.

use std::sync::OnceLock;

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

    /// Ends the process here if `SPEECHMILL_CRASH_AT` is `<stage>:<moment>`.
    pub(crate) fn check(self, stage: &str) {
        static PLAN: OnceLock<Option<String>> = OnceLock::new();
        let plan = PLAN.get_or_init(|| std::env::var("SPEECHMILL_CRASH_AT").ok());
        if plan.as_deref() == Some(&format!("{stage}:{}", self.name())) {
            tracing::error!("planned crash at {stage}:{}", self.name());
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
    }
}
