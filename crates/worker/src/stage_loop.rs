//! The loop around a stage: pull → decode → handle → publish → record → ack, for many messages at
//! once, and the settlement of everything that can go wrong on the way.

use std::borrow::Borrow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, Semaphore};
use tokio::task::JoinSet;

use crate::crash::CrashAt;
use crate::process::{Gate, Patience};
use crate::publish::{Context, Halt};
use crate::pull::{Pull, Puller};
use crate::settle::{Failed, Filing, Held, stop_of};
use crate::{
    Delivery, Failure, Outbox, Outcome, Process, Stage, Stop, Verdict, WorkerError, metrics,
};

pub(crate) async fn run<S: Stage>(process: &Process, stage: Arc<S>) -> Result<(), WorkerError> {
    let gate = Gate::new(S::NAME);
    let slots = Arc::new(Semaphore::new(stage.concurrency()));
    let mut puller = Puller::new(process.broker().clone(), S::NAME, S::CONSUMER);
    let mut tasks = JoinSet::new();
    tracing::info!(
        stage = S::NAME,
        "{} takes messages of {}",
        S::NAME,
        S::CONSUMER.title()
    );
    while !process.shutdown().is_cancelled() {
        while tasks.try_join_next().is_some() {}
        let round = pull_round(process, &gate, &slots, &mut puller, |held, permit| {
            let (process, gate, stage) = (process.clone(), gate.clone(), stage.clone());
            tasks.spawn(async move {
                let cx = Context {
                    process: &process,
                    gate: &gate,
                };
                settle(&cx, &*stage, &held).await;
                drop(permit);
            });
        });
        tokio::select! {
            () = process.shutdown().cancelled() => {}
            () = round => {}
        }
    }
    finish(process, S::NAME, tasks).await;
    process.result()
}

/// Waits for what is held, as long as the grace period allows; then has it given back.
pub(crate) async fn finish<T: 'static>(
    process: &Process,
    stage: &'static str,
    mut tasks: JoinSet<T>,
) {
    let all = async { while tasks.join_next().await.is_some() {} };
    tokio::pin!(all);
    if tokio::time::timeout(process.config().grace, &mut all)
        .await
        .is_err()
    {
        tracing::warn!(stage, "{stage} gives back what it could not finish in time");
        process.overdue().cancel();
        all.await;
    }
    tracing::info!(stage, "{stage} has ended");
}

/// One pull of as many messages as there are free slots.
async fn pull_round(
    process: &Process,
    gate: &Gate,
    slots: &Arc<Semaphore>,
    puller: &mut Puller,
    mut start: impl FnMut(Held, tokio::sync::OwnedSemaphorePermit),
) {
    gate.opened().await;
    let Ok(mut permits) = slots.clone().acquire_owned().await else {
        return;
    };
    while let Ok(more) = slots.clone().try_acquire_owned() {
        permits.merge(more);
    }
    let Some(mut pull) = request(process, puller, permits.num_permits()).await else {
        return;
    };
    while let Some(held) = puller.next(&mut pull).await {
        let Some(permit) = permits.split(1) else {
            return;
        };
        start(held, permit);
    }
}

/// Asks for messages; `None` after a failure, with which the process goes on or ends.
pub(crate) async fn request(process: &Process, puller: &mut Puller, room: usize) -> Option<Pull> {
    match puller.request(room).await {
        Ok(pull) => Some(pull),
        Err(error) => {
            match stop_of(error.verdict()) {
                None | Some(Stop::Unreachable) => {
                    tracing::warn!(code = %error.code(), "can't pull: {}", crate::chain(&error));
                }
                Some(_) => process.stop(&error),
            }
            None
        }
    }
}

pub(crate) async fn run_once<S: Stage>(
    process: &Process,
    stage: &S,
    patience: Duration,
) -> Result<Option<Outcome>, WorkerError> {
    let gate = Gate::new(S::NAME);
    let cx = Context {
        process,
        gate: &gate,
    };
    let mut puller =
        Puller::new(process.broker().clone(), S::NAME, S::CONSUMER).with_expires(patience);
    let mut pull = puller.request(1).await?;
    let Some(held) = puller.next(&mut pull).await else {
        return Ok(None);
    };
    let outcome = tokio::select! {
        outcome = settle(&cx, stage, &held) => outcome,
        () = gate.closed() => held.give_back("waiting").await,
    };
    process.result().map(|()| Some(outcome))
}

/// Brings one message to its end, with signs of life all the while.
async fn settle<S: Stage>(cx: &Context<'_>, stage: &S, held: &Held) -> Outcome {
    tokio::select! {
        outcome = work(cx, stage, held) => outcome,
        () = cx.process.overdue().cancelled() => held.give_back("shutdown").await,
        () = signs_of_life(cx.process, std::slice::from_ref(held)) => unreachable!("they never end"),
    }
}

/// Keeps messages from being delivered again while they are worked on.
pub(crate) async fn signs_of_life<H: Borrow<Held>>(process: &Process, held: &[H]) {
    let mut ticks = tokio::time::interval(process.broker().config().ack_wait / 3);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        for held in held {
            held.borrow().progress().await;
        }
    }
}

/// A message that was delivered often is alone in its process; the others share it.
pub(crate) enum Company {
    Alone { _guard: OwnedRwLockWriteGuard<()> },
    Shared { _guard: OwnedRwLockReadGuard<()> },
}

impl Company {
    pub(crate) async fn of(process: &Process, is_suspect: bool) -> Self {
        let lock = process.alone().clone();
        if is_suspect {
            Self::Alone {
                _guard: lock.write_owned().await,
            }
        } else {
            Self::Shared {
                _guard: lock.read_owned().await,
            }
        }
    }
}

async fn work<S: Stage>(cx: &Context<'_>, stage: &S, held: &Held) -> Outcome {
    let delivery = match held.decode::<S::Input>() {
        Ok(delivery) => delivery,
        Err(error) => return held.fail_undecodable(cx, &error).await,
    };
    let filing = Filing::of(&delivery.message);
    // Counted only once it is alone: one that still waits when another ends the process is innocent.
    let company = Company::of(cx.process, held.is_suspect()).await;
    if let Err(outcome) = held.count_suspect(cx, &filing).await {
        return outcome;
    }
    let mut company = company;
    let mut outbox = loop {
        let outbox = match handle(cx, stage, held, &delivery, company).await {
            Ok(outbox) => outbox,
            Err(failed) => return held.fail(cx, &filing, &failed).await,
        };
        match cx.claim(outbox.claim.as_ref()).await {
            Ok(true) => break outbox,
            // Somebody else was first: what it did has its say now.
            Ok(false) => company = Company::of(cx.process, held.is_suspect()).await,
            Err(halt) => return halted(cx, held, &filing, halt).await,
        }
    };
    CrashAt::BeforePublish.check(S::NAME, &filing.id);
    let published = async {
        let published = cx.publish_outputs(&mut outbox).await?;
        CrashAt::AfterPublish.check(S::NAME, &filing.id);
        cx.write_records(&mut outbox, &published).await?;
        let follow_up = outbox.follow_up.as_ref();
        cx.follow_up(follow_up, delivery.pulled_at).await
    };
    match published.await {
        Ok(()) => held.ack().await,
        Err(halt) => halted(cx, held, &filing, halt).await,
    }
}

/// Settles what could not be published.
async fn halted(cx: &Context<'_>, held: &Held, filing: &Filing, halt: Halt) -> Outcome {
    match halt {
        Halt::Shutdown => held.give_back("shutdown").await,
        Halt::Refused(error) => {
            if stop_of(error.verdict()).is_some() {
                cx.process.stop(&error);
            }
            held.fail(cx, filing, &Failed::of(&error)).await
        }
    }
}

/// Asks the stage, again and again while it has to wait.
async fn handle<S: Stage>(
    cx: &Context<'_>,
    stage: &S,
    held: &Held,
    delivery: &Delivery<S::Input>,
    company: Company,
) -> Result<Outbox, Failed> {
    let mut patience = Patience::default();
    let mut closed = None;
    let mut company = Some(company);
    loop {
        let company = match company.take() {
            Some(company) => company,
            None => Company::of(cx.process, held.is_suspect()).await,
        };
        let mut outbox = Outbox::for_input(held.origin());
        let started = Instant::now();
        let handling = AssertUnwindSafe(stage.handle(delivery, &mut outbox)).catch_unwind();
        let handled = handling.await;
        drop(company);
        let error = match handled {
            Ok(Ok(())) => {
                metrics::handled(S::NAME, started.elapsed());
                return Ok(outbox);
            }
            Ok(Err(error)) => error,
            Err(panic) => return Err(Failed::panic(&*panic)),
        };
        let failed = Failed::of(&error);
        match failed.verdict {
            Verdict::Wait if !cx.process.shutdown().is_cancelled() => {}
            Verdict::Stop(_) => {
                cx.process.stop(&error);
                return Err(failed);
            }
            _ => return Err(failed),
        }
        if closed.is_none() {
            tracing::warn!(
                stage = S::NAME,
                code = failed.code,
                "{} waits: {}",
                S::NAME,
                failed.error
            );
            closed = Some(cx.gate.close());
        }
        tokio::select! {
            () = cx.process.shutdown().cancelled() => return Err(failed),
            () = tokio::time::sleep(patience.next()) => {}
        }
    }
}
