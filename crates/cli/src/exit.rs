//! From how a command ended to the exit code and the one line that says why.

use std::io::Write;
use std::process::ExitCode;

use indexer::IndexError;
use worker::{BrokerError, Failure, Verdict, WorkerError};

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Done.
    Done,
    /// The work failed, or nothing was found; what there is to say is said.
    Nothing,
    /// It was used wrongly; what there is to say is said.
    Misused,
    /// A signal ended it.
    Signal(u8),
}

/// Wrong use or configuration: exit code 64.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// A server that can't be done without does not answer: exit code 69.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreachable(pub(crate) String);

const FAILED: u8 = 1;
const USAGE: u8 = 64;
const UNREACHABLE: u8 = 69;

pub(crate) fn of_usage(error: &clap::Error) -> ExitCode {
    // Help and version are no errors, and go to standard output.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

pub(crate) fn of(ended: anyhow::Result<End>) -> ExitCode {
    match ended {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Nothing) => ExitCode::from(FAILED),
        Ok(End::Misused) => ExitCode::from(USAGE),
        Ok(End::Signal(number)) => ExitCode::from(128 + number),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(worker::chain(error.as_ref()));
            ExitCode::from(code_of(&error))
        }
    }
}

/// One line on standard error, whatever the text holds.
pub(crate) fn complain(text: impl AsRef<str>) {
    let words: Vec<&str> = text.as_ref().split_whitespace().collect();
    let line: String = words
        .join(" ")
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    let _ = writeln!(std::io::stderr(), "speechmill: {line}");
}

/// Whoever read our output has had enough (`| head`).
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn code_of(error: &anyhow::Error) -> u8 {
    if let Some(error) = error.downcast_ref::<WorkerError>() {
        return error.stop.exit_code();
    }
    if let Some(error) = error.downcast_ref::<BrokerError>() {
        return of_broker(error);
    }
    if let Some(error) = error.downcast_ref::<IndexError>() {
        return of_index(error);
    }
    if let Some(error) = error.downcast_ref::<crawler::SetupError>() {
        return of_verdict(error.verdict());
    }
    let is_configuration = error.is::<Usage>()
        || error.is::<telemetry::TelemetryError>()
        || error.is::<sites::SiteError>()
        || error.is::<servers::ServerError>();
    if is_configuration {
        USAGE
    } else if error.is::<Unreachable>() {
        UNREACHABLE
    } else {
        FAILED
    }
}

/// What has no room is there, and can be reached.
fn of_broker(error: &BrokerError) -> u8 {
    match error {
        BrokerError::Full { .. } | BrokerError::StoreFull { .. } => FAILED,
        _ => of_verdict(error.verdict()),
    }
}

fn of_index(error: &IndexError) -> u8 {
    match error {
        IndexError::NoRoom { .. } => FAILED,
        IndexError::Broker(error) => of_broker(error),
        _ => of_verdict(error.verdict()),
    }
}

fn of_verdict(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Stop(stop) => stop.exit_code(),
        Verdict::Wait => UNREACHABLE,
        Verdict::Retry { .. } | Verdict::Reject => FAILED,
    }
}
