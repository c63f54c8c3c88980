//! The loop around a sink: pull → decode → cut batches → handle → settle each message.
//!
//! All that is held gets signs of life; a subject is in one unfinished batch at a time; a message
//! that was delivered often is a batch of its own, with nothing beside it.

mod pending;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::stream::{FuturesOrdered, StreamExt};
use messages::{DecodeError, Message};
use tokio::task::JoinSet;

use crate::crash::CrashAt;
use crate::process::{Gate, Patience};
use crate::publish::Context;
use crate::pull::{Pull, Puller};
use crate::settle::{Failed, Filing, Held};
use crate::stage_loop::{Company, finish, request, signs_of_life};
use crate::{Failure, Outcome, Process, Sink, Verdict, WorkerError, metrics};
use pending::{Item, Pending};

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
        let may_start =
            |batches: &JoinSet<_>| gate.is_open() && batches.len() < limits.max_in_flight;
        while may_start(&batches) && pending.is_due() {
            let batch = pending.cut();
            let (process, gate, sink) = (process.clone(), gate.clone(), sink.clone());
            batches.spawn(async move { settle(&process, &gate, &*sink, batch).await });
        }
        if pull.is_none() && gate.is_open() && pending.room() > 0 {
            pull = request(process, &mut puller, pending.room()).await;
        }
        let due = pending.due_at().filter(|_| may_start(&batches));
        tokio::select! {
            () = process.shutdown().cancelled() => {}
            held = next(&mut puller, &mut pull) => match held.map(take::<S>) {
                Some(Ok(item)) => pending.push(item),
                Some(Err(foreign)) => {
                    let (process, gate) = (process.clone(), gate.clone());
                    batches.spawn(async move { foreign.settle(&process, &gate).await });
                }
                None => pull = None,
            },
            Some(finished) = batches.join_next() => {
                for subject in finished.unwrap_or_default() {
                    pending.free(&subject);
                }
            }
            _ = ticks.tick() => {
                for item in pending.items() {
                    item.held.progress().await;
                }
            }
            () = sleep_until(due) => {}
            () = opened(&gate) => {}
        }
    }
    for item in pending.into_items() {
        item.held.give_back("shutdown").await;
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

/// A message that can't be decoded, and why.
struct Foreign(Held, DecodeError);

impl Foreign {
    /// Brings it to its end, beside the loop: what is pulled needs signs of life meanwhile.
    async fn settle(self, process: &Process, gate: &Gate) -> Vec<String> {
        let Self(held, error) = self;
        let cx = Context { process, gate };
        tokio::select! {
            _ = held.fail_undecodable(&cx, &error) => {}
            () = process.overdue().cancelled() => {
                held.give_back("shutdown").await;
            }
            () = signs_of_life(process, std::slice::from_ref(&held)) => unreachable!("they never end"),
        }
        Vec::new()
    }
}

fn take<S: Sink>(held: Held) -> Result<Item<S::Input>, Box<Foreign>> {
    match held.decode::<S::Input>() {
        Ok(delivery) => Ok(Item {
            held: Arc::new(held),
            delivery,
        }),
        Err(error) => Err(Box::new(Foreign(held, error))),
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
        match take::<S>(held) {
            Ok(item) => pending.push(item),
            Err(foreign) => {
                foreign.settle(process, &gate).await;
            }
        }
    }
    let batch = pending.cut();
    for item in pending.into_items() {
        item.held.give_back("next batch").await;
    }
    let cx = Context {
        process,
        gate: &gate,
    };
    let batch = counted(&cx, batch).await;
    if batch.is_empty() {
        return process.result().map(|()| Vec::new());
    }
    let mut outcomes = Vec::new();
    for (item, outcome) in handle(&cx, &sink, batch).await {
        outcomes.push(match outcome {
            Some(outcome) => outcome,
            None => item.held.give_back("waiting").await,
        });
    }
    process.result().map(|()| outcomes)
}

/// Brings a batch to its end; answers with its subjects.
async fn settle<S: Sink>(
    process: &Process,
    gate: &Gate,
    sink: &S,
    batch: Vec<Item<S::Input>>,
) -> Vec<String> {
    let held: Vec<Arc<Held>> = batch.iter().map(|item| item.held.clone()).collect();
    let cx = Context { process, gate };
    let is_overdue = tokio::select! {
        () = work(&cx, sink, batch) => false,
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

/// Counts the attempt of a suspect ahead, once it is alone: one that still waits when another ends
/// the process is innocent. Output: what is to be handled; the rest is settled, at its limit.
async fn counted<M: Message>(cx: &Context<'_>, batch: Vec<Item<M>>) -> Vec<Item<M>> {
    let mut left = Vec::new();
    for item in batch {
        let filing = Filing::of(&item.delivery.message);
        if item.held.count_suspect(cx, &filing).await.is_ok() {
            left.push(item);
        }
    }
    left
}

/// Asks the sink, again and again for those that have to wait.
async fn work<S: Sink>(cx: &Context<'_>, sink: &S, batch: Vec<Item<S::Input>>) {
    let is_suspect = batch.iter().any(|item| item.held.is_suspect());
    let mut patience = Patience::default();
    let mut closed = None;
    let mut company = Company::of(cx.process, is_suspect).await;
    let mut batch = counted(cx, batch).await;
    while !batch.is_empty() {
        let handled = handle(cx, sink, batch).await;
        drop(company);
        batch = handled
            .into_iter()
            .filter_map(|(item, outcome)| outcome.is_none().then_some(item))
            .collect();
        if batch.is_empty() {
            return;
        }
        closed.get_or_insert_with(|| cx.gate.close());
        tokio::select! {
            () = cx.process.shutdown().cancelled() => {
                for item in batch {
                    item.held.give_back("shutdown").await;
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
    batch: Vec<Item<S::Input>>,
) -> Vec<(Item<S::Input>, Option<Outcome>)> {
    let (deliveries, rest): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .map(|item| (item.delivery, item.held))
        .unzip();
    let started = Instant::now();
    let handled = AssertUnwindSafe(sink.handle(&deliveries))
        .catch_unwind()
        .await;
    // What all of a batch wait for is said once.
    let mut has_said = !cx.gate.is_open();
    let verdicts: Vec<Result<(), Failed>> = match handled {
        Ok(verdicts) => verdicts
            .into_iter()
            .map(|verdict| verdict.map_err(|error| noted(cx, &error, &mut has_said)))
            .collect(),
        Err(panic) => vec![Err(Failed::panic(&*panic)); deliveries.len()],
    };
    metrics::handled(S::NAME, started.elapsed());
    assert_eq!(
        verdicts.len(),
        deliveries.len(),
        "a sink owes a verdict for each message"
    );
    for delivery in &deliveries {
        CrashAt::AfterTask.check(S::NAME, &delivery.message.id());
    }
    let items = deliveries.into_iter().zip(rest).zip(verdicts);
    let settling: FuturesOrdered<_> = items
        .map(|((delivery, held), verdict)| async move {
            let item = Item { held, delivery };
            let outcome = settle_one(cx, &item, verdict).await;
            (item, outcome)
        })
        .collect();
    settling.collect().await
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

async fn settle_one<M: Message>(
    cx: &Context<'_>,
    item: &Item<M>,
    verdict: Result<(), Failed>,
) -> Option<Outcome> {
    match verdict {
        Ok(()) => Some(item.held.ack().await),
        Err(failed) if failed.verdict == Verdict::Wait => None,
        Err(failed) => {
            let filing = Filing::of(&item.delivery.message);
            Some(item.held.fail(cx, &filing, &failed).await)
        }
    }
}
