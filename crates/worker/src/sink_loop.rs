//! The loop around a sink: pull → cut batches → handle → settle each message.
//!
//! All that is held gets signs of life; a subject is in one unfinished batch at a time; messages that
//! were delivered often are a small batch, with nothing beside it, and in the end alone.

mod pending;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::stream::{FuturesOrdered, StreamExt};
use messages::Message;
use tokio::task::JoinSet;

use crate::crash::CrashAt;
use crate::process::{Gate, Patience};
use crate::publish::Context;
use crate::pull::{Pull, Puller};
use crate::settle::{Failed, Held};
use crate::stage_loop::{Company, finish, request, signs_of_life};
use crate::{Failure, Outcome, Process, Sink, Verdict, WorkerError, metrics};
use pending::Pending;

pub(crate) async fn run<S: Sink>(process: &Process, sink: Arc<S>) -> Result<(), WorkerError> {
    let gate = Gate::new(S::NAME);
    let limits = sink.limits();
    let mut puller = Puller::new(process.broker().clone(), S::NAME, S::CONSUMER);
    let mut pull: Option<Pull> = None;
    let mut pending = Pending::new(limits);
    let mut batches: JoinSet<Vec<String>> = JoinSet::new();
    let mut ticks = tokio::time::interval(process.broker().config().ack_wait / 3);
    tracing::info!(
        stage = S::NAME,
        "{} takes messages of {}",
        S::NAME,
        S::CONSUMER.title()
    );
    while !process.shutdown().is_cancelled() {
        let may_start = |batches: &JoinSet<_>, pending: &mut Pending| {
            gate.is_open() && pending.may_start(batches.len())
        };
        while may_start(&batches, &mut pending) && pending.is_due() {
            let batch = pending.cut();
            let (process, gate, sink) = (process.clone(), gate.clone(), sink.clone());
            batches.spawn(async move { settle(&process, &gate, &*sink, batch).await });
        }
        if pull.is_none() && gate.is_open() && pending.room() > 0 {
            pull = request(process, &mut puller, pending.room()).await;
        }
        let due = pending.due_at();
        let due = due.filter(|_| may_start(&batches, &mut pending));
        tokio::select! {
            () = process.shutdown().cancelled() => {}
            held = next(&mut puller, &mut pull) => match held {
                Some(held) => pending.push(held),
                None => pull = None,
            },
            Some(finished) = batches.join_next() => {
                for subject in finished.unwrap_or_default() {
                    pending.free(&subject);
                }
            }
            _ = ticks.tick() => {
                for held in pending.items() {
                    held.progress().await;
                }
            }
            () = sleep_until(due) => {}
            () = opened(&gate) => {}
        }
    }
    for held in pending.into_items() {
        held.give_back("shutdown").await;
    }
    finish(process, S::NAME, batches).await;
    process.result()
}

/// Sleeps past the moment by a hair, so that what is due then is due when we look.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until((at + Duration::from_millis(1)).into()).await,
        None => std::future::pending().await,
    }
}

/// Ends when a closed gate opens; never for an open one.
async fn opened(gate: &Gate) {
    if gate.is_open() {
        std::future::pending::<()>().await;
    }
    gate.opened().await;
}

async fn next(puller: &mut Puller, pull: &mut Option<Pull>) -> Option<Held> {
    match pull {
        Some(pull) => puller.next(pull).await,
        None => std::future::pending().await,
    }
}

pub(crate) async fn run_once<S: Sink>(
    process: &Process,
    sink: S,
    patience: Duration,
) -> Result<Vec<Outcome>, WorkerError> {
    let gate = Gate::new(S::NAME);
    let limits = sink.limits();
    let mut pending = Pending::new(limits);
    let mut puller =
        Puller::new(process.broker().clone(), S::NAME, S::CONSUMER).with_expires(patience);
    let mut pull = puller.request(limits.max_messages).await?;
    while let Some(held) = puller.next(&mut pull).await {
        pending.push(held);
    }
    let batch = pending.cut();
    for held in pending.into_items() {
        held.give_back("next batch").await;
    }
    let cx = Context {
        process,
        gate: &gate,
    };
    let batch = counted::<S::Input>(&cx, batch).await;
    if batch.is_empty() {
        return process.result().map(|()| Vec::new());
    }
    let mut outcomes = Vec::new();
    for (held, outcome) in handle(&cx, &sink, batch).await {
        outcomes.push(match outcome {
            Some(outcome) => outcome,
            None => held.give_back("waiting").await,
        });
    }
    process.result().map(|()| outcomes)
}

/// Brings a batch to its end; answers with its subjects.
async fn settle<S: Sink>(
    process: &Process,
    gate: &Gate,
    sink: &S,
    held: Vec<Arc<Held>>,
) -> Vec<String> {
    let cx = Context { process, gate };
    let is_overdue = tokio::select! {
        () = work(&cx, sink, held.clone()) => false,
        () = process.overdue().cancelled() => true,
        () = signs_of_life(process, &held) => unreachable!("they never end"),
    };
    for held in &held {
        if is_overdue {
            held.give_back("shutdown").await;
        }
    }
    held.iter().map(|held| held.subject.clone()).collect()
}

/// Counts the attempt of a suspect ahead, once it is alone: one that waits or has company when another
/// ends the process may be innocent. Output: what is to be handled; the rest is settled, at its limit.
async fn counted<M: Message>(cx: &Context<'_>, batch: Vec<Arc<Held>>) -> Vec<Arc<Held>> {
    if let [held] = &*batch
        && held.is_suspect()
        && held.count_suspect(cx, &held.filing::<M>()).await.is_err()
    {
        return Vec::new();
    }
    batch
}

/// Asks the sink, again and again for those that have to wait.
async fn work<S: Sink>(cx: &Context<'_>, sink: &S, batch: Vec<Arc<Held>>) {
    let is_suspect = batch.iter().any(|held| held.is_suspect());
    let mut company = Company::of(cx.process, is_suspect).await;
    let mut patience = Patience::default();
    let mut closed = None;
    let mut batch = counted::<S::Input>(cx, batch).await;
    while !batch.is_empty() {
        let handled = handle(cx, sink, batch).await;
        drop(company);
        let waiting = handled
            .into_iter()
            .filter_map(|(held, outcome)| outcome.is_none().then_some(held));
        batch = waiting.collect();
        if batch.is_empty() {
            return;
        }
        closed.get_or_insert_with(|| cx.gate.close());
        tokio::select! {
            () = cx.process.shutdown().cancelled() => {
                for held in batch {
                    held.give_back("shutdown").await;
                }
                return;
            }
            () = tokio::time::sleep(patience.next()) => {}
        }
        company = Company::of(cx.process, is_suspect).await;
    }
}

/// Handles a batch and settles what it can: `None` for a message that has to wait.
async fn handle<S: Sink>(
    cx: &Context<'_>,
    sink: &S,
    batch: Vec<Arc<Held>>,
) -> Vec<(Arc<Held>, Option<Outcome>)> {
    let stored = batch.iter().map(|held| held.stored()).collect();
    let started = Instant::now();
    let handled = AssertUnwindSafe(sink.handle(stored)).catch_unwind().await;
    // What all of a batch wait for is said once.
    let mut has_said = !cx.gate.is_open();
    let verdicts: Vec<Result<(), Failed>> = match handled {
        Ok(verdicts) => verdicts
            .into_iter()
            .map(|verdict| verdict.map_err(|error| noted(cx, &error, &mut has_said)))
            .collect(),
        Err(panic) => vec![Err(Failed::panic(&*panic)); batch.len()],
    };
    metrics::handled(S::NAME, started.elapsed());
    assert_eq!(
        verdicts.len(),
        batch.len(),
        "a sink owes a verdict for each message"
    );
    for held in batch.iter().filter(|_| CrashAt::is_planned()) {
        CrashAt::AfterTask.check(S::NAME, &held.filing::<S::Input>().id);
    }
    let settled = batch.iter().zip(&verdicts);
    let done: Vec<&Held> = settled
        .filter_map(|(held, verdict)| verdict.is_ok().then_some(&**held))
        .collect();
    let settling: FuturesOrdered<_> = batch
        .iter()
        .zip(&verdicts)
        .map(|(held, verdict)| settle_one::<S::Input>(cx, held, verdict))
        .collect();
    // Nobody waits for a dead letter of another message.
    let (outcomes, ()) = tokio::join!(settling.collect::<Vec<_>>(), Held::ack_all(&done));
    batch.into_iter().zip(outcomes).collect()
}

fn noted(cx: &Context<'_>, error: &impl Failure, has_said: &mut bool) -> Failed {
    let failed = Failed::of(error);
    match failed.verdict {
        Verdict::Stop(_) => cx.process.stop(error),
        Verdict::Wait if !*has_said => {
            *has_said = true;
            tracing::warn!(code = failed.code, "waiting: {}", failed.error);
        }
        _ => {}
    }
    failed
}

/// `None`: it has to wait. What is done is acked with all that are.
async fn settle_one<M: Message>(
    cx: &Context<'_>,
    held: &Held,
    verdict: &Result<(), Failed>,
) -> Option<Outcome> {
    match verdict {
        Ok(()) => Some(Outcome::Ack),
        Err(failed) if failed.verdict == Verdict::Wait => None,
        Err(failed) => Some(held.fail(cx, &held.filing::<M>(), failed).await),
    }
}
