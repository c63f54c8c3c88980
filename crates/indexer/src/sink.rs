//! The indexer: a batch of speech changes in, one verdict each out.
//!
//! A verdict is Ok only when Meilisearch's task has succeeded and no newer message of the speech has
//! come meanwhile. Works in rounds: all parts of a round are posted in one turn, then awaited.

mod compose;
mod copies;
mod part;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use messages::{SpeechChange, Upsert};
use tokio::sync::{Mutex, MutexGuard};
use worker::topology::{ConsumerSpec, INDEXER, SPEECHES};
use worker::{BatchLimits, Broker, BrokerError, Delivery, Failure, Sink, Verdict};

use crate::{IndexError, IndexerConfig, Meili, SpeechDocument, metrics, reindex};
use compose::Sketched;
use copies::Copies;
use part::{Item, Part};

/// Questions to the broker at once.
const MAX_READS: usize = 32;

/// Makes the document of a speech and its version.
type ToDocument = fn(&Upsert, u64) -> SpeechDocument;

/// Takes speech changes into Meilisearch. A clone shares its turns.
#[derive(Clone)]
pub struct Indexer {
    meili: Meili,
    broker: Broker,
    limits: BatchLimits,
    to_document: ToDocument,
    /// Held while documents are made.
    order: Arc<Mutex<()>>,
    sketched: Sketched,
    /// Held while writes are posted: Meilisearch works in the order of its 202s.
    turn: Arc<Mutex<Turn>>,
    /// Held while somebody asks for tasks: they end in the order of their 202s, and who is next asks.
    tasks: Arc<Mutex<()>>,
    /// Of all indexes; taken within a turn.
    copies: Arc<Mutex<Copies>>,
    /// It writes the index that is searched, and so pauses while a reindex switches.
    is_live: bool,
}

/// What must be done before the next write.
#[derive(Default)]
pub(crate) struct Turn {
    is_prepared: bool,
    /// The clusters that the index says were compared with the table's.
    is_compared: bool,
    taken_at: Option<Instant>,
    /// Tasks that we lost sight of. A speech must not be in two unfinished ones.
    unfinished: Vec<u32>,
}

/// A part whose task is on its way.
struct Sent {
    uid: u32,
    part: Part,
    /// SPEECHES ended here before its items were looked up.
    end: Option<u64>,
}

impl Indexer {
    /// Checks the configuration; nothing is sent.
    pub fn new(config: &IndexerConfig, broker: Broker) -> Result<Self, IndexError> {
        config.validate()?;
        Ok(Self {
            meili: Meili::new(&config.meili)?,
            broker,
            limits: config.limits(),
            to_document: SpeechDocument::new,
            order: Arc::default(),
            sketched: Sketched::default(),
            turn: Arc::default(),
            tasks: Arc::default(),
            copies: Arc::default(),
            is_live: true,
        })
    }

    /// One that works beside the active indexer, for [`Audit`](crate::Audit): it takes batches and
    /// pulls none.
    pub(crate) fn beside(meili: Meili, broker: Broker, limits: BatchLimits) -> Self {
        Self {
            meili,
            broker,
            limits,
            to_document: SpeechDocument::new,
            order: Arc::default(),
            sketched: Sketched::default(),
            turn: Arc::default(),
            tasks: Arc::default(),
            copies: Arc::default(),
            is_live: true,
        }
    }

    /// One that fills the second index of a reindex.
    pub(crate) fn of_second(&self) -> Self {
        Self {
            meili: self.meili.second(),
            turn: Arc::default(),
            tasks: Arc::default(),
            is_live: false,
            ..self.clone()
        }
    }

    pub(crate) fn meili(&self) -> &Meili {
        &self.meili
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Keeps all writes of this process back until it is dropped.
    pub(crate) async fn pause(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().await
    }

    /// Whether it got messages of late: of several processes one does.
    pub(crate) fn is_active(&self, within: Duration) -> bool {
        self.turn.try_lock().map_or(true, |turn| {
            turn.taken_at.is_some_and(|at| at.elapsed() < within)
        })
    }

    /// Makes documents in another way: how a test gets one that Meilisearch refuses.
    #[doc(hidden)]
    #[must_use]
    pub fn with_documents(mut self, to_document: ToDocument) -> Self {
        self.to_document = to_document;
        self
    }

    /// Makes the index what it should be. The first batch would do it too: this is for a role that
    /// wants to know at its start whether its key and its index are right.
    pub async fn prepare(&self) -> Result<(), IndexError> {
        self.turn.lock().await.prepare(&self.meili).await
    }

    /// Takes the parts one step further. Output: what is left for another round.
    async fn round(
        &self,
        mut parts: Vec<Part>,
        verdicts: &mut [Result<(), IndexError>],
    ) -> Vec<Part> {
        self.compose(&mut parts).await;
        let started = Instant::now();
        let mut next = Vec::new();
        let sent = self.post(parts, &mut next, verdicts).await;
        if sent.is_empty() {
            return next;
        }
        let uids: Vec<u32> = sent.iter().map(|sent| sent.uid).collect();
        let asking = self.tasks.lock().await;
        let ended = self.meili.wait_for(&uids).await;
        drop(asking);
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                let mut turn = self.turn.lock().await;
                turn.forget();
                turn.unfinished.extend(uids);
                for sent in &sent {
                    sent.part.fail(&error, verdicts);
                }
                return next;
            }
        };
        metrics::tasks_ended(started.elapsed());
        let end = self.end_of_speeches().await;
        for sent in sent {
            let (uid, part) = (sent.uid, sent.part);
            let result = match ended.get(&uid) {
                // An index that is not there holds none of what we delete.
                Some(task) if part.is_deletion && task.code() == "index_not_found" => Ok(()),
                Some(task) => task.result(uid),
                None => Err(IndexError::TaskLost { uid }),
            };
            match result {
                Ok(()) => {
                    metrics::documents(part.outcome(), part.items.len());
                    // Nothing was published since they were looked up, so nothing newer.
                    if end.is_none() || end != sent.end {
                        next.extend(self.settle(part, verdicts).await);
                    }
                }
                Err(error) => next.extend(refuse(part, &error, verdicts)),
            }
        }
        next
    }

    /// Posts the parts, one after the other's 202, without what was replaced meanwhile.
    async fn post(
        &self,
        parts: Vec<Part>,
        next: &mut Vec<Part>,
        verdicts: &mut [Result<(), IndexError>],
    ) -> Vec<Sent> {
        let mut turn = self.turn.lock().await;
        let mut sent = Vec::new();
        turn.taken_at = Some(Instant::now());
        let mut halt = match turn.prepare(&self.meili).await {
            Ok(()) if self.is_live => reindex::check_pause(&self.broker).await.err(),
            prepared => prepared.err(),
        };
        if halt.is_none() {
            halt = self.follow(&mut turn, &parts).await.err();
            if halt.is_some() {
                turn.forget();
            }
        }
        let end = self.end_of_speeches().await;
        for part in parts {
            if let Some(error) = &halt {
                part.fail(error, verdicts);
                continue;
            }
            let mut part = self.drop_replaced(part, verdicts).await;
            if part.items.is_empty() {
                continue;
            }
            match self.post_one(&mut part).await {
                Ok(uid) => {
                    metrics::accepted(part.items.len());
                    sent.push(Sent { uid, part, end });
                }
                Err(error) if error.is_about_documents() => {
                    next.extend(refuse(part, &error, verdicts));
                }
                Err(error) => {
                    part.fail(&error, verdicts);
                    // A server that comes back may come back empty.
                    turn.forget();
                    halt = Some(error);
                }
            }
        }
        sent
    }

    async fn post_one(&self, part: &mut Part) -> Result<u32, IndexError> {
        if part.is_deletion {
            let ids: Vec<&str> = part.items.iter().map(|item| item.id.as_str()).collect();
            return self.meili.delete_documents(&ids).await;
        }
        let copies = self.copies.lock().await;
        let items = part.items.iter_mut();
        let documents = items.filter_map(|item| {
            let cluster = copies.cluster_of(&item.id);
            Some((item.line.take()?, cluster))
        });
        let documents = documents.collect();
        drop(copies);
        self.meili.put_documents(documents).await
    }

    /// A message that is no longer its subject's last is done: the newer one comes by itself. This
    /// is what keeps an indexer that wakes late from putting an old speech over a new one.
    async fn drop_replaced(&self, part: Part, verdicts: &mut [Result<(), IndexError>]) -> Part {
        let replaced = self.are_replaced(&part).await;
        let is_deletion = part.is_deletion;
        let mut items = Vec::new();
        for (item, is_replaced) in part.items.into_iter().zip(replaced) {
            match is_replaced {
                Ok(true) => metrics::documents("replaced", 1),
                // A node of a cluster that is behind knows less than we were given.
                Ok(false) => items.push(item),
                Err(error) => item.fail(&error.into(), verdicts),
            }
        }
        Part { is_deletion, items }
    }

    /// Documents are stored: done, unless a newer message has come, which then goes first.
    async fn settle(&self, part: Part, verdicts: &mut [Result<(), IndexError>]) -> Vec<Part> {
        let replaced = self.are_replaced(&part).await;
        let mut successors = Vec::new();
        for (item, is_replaced) in part.items.into_iter().zip(replaced) {
            let newer = match is_replaced {
                Ok(true) => self.broker.latest(SPEECHES, &item.subject).await,
                Ok(false) => continue,
                Err(error) => Err(error),
            };
            match newer {
                Ok(Some(newer)) => {
                    successors.push(item.succeeded_by(&newer.message, newer.sequence));
                }
                Ok(None) => {}
                // What can't be read there fails when its own turn comes.
                Err(error) if error.verdict() == Verdict::Reject => {}
                Err(error) => item.fail(&error.into(), verdicts),
            }
        }
        Part::of(successors)
    }

    /// Whether each item's subject has a newer message.
    async fn are_replaced(&self, part: &Part) -> Vec<Result<bool, BrokerError>> {
        let items = part.items.iter();
        let asked = items.map(|item| (item.subject.clone(), item.sequence));
        stream::iter(asked.collect::<Vec<_>>())
            .map(|(subject, sequence)| async move {
                let broker = &self.broker;
                broker.has_newer(SPEECHES, &subject, sequence).await
            })
            .buffered(MAX_READS)
            .collect()
            .await
    }

    /// The last sequence of SPEECHES. `None`: that was not to be had, and each subject is asked for.
    async fn end_of_speeches(&self) -> Option<u64> {
        self.broker.last_sequence(SPEECHES).await.ok()
    }
}

impl Turn {
    /// A server that comes back may come back empty, and another index may stand under the name.
    pub(crate) fn forget(&mut self) {
        self.is_prepared = false;
        self.is_compared = false;
    }

    async fn prepare(&mut self, meili: &Meili) -> Result<(), IndexError> {
        if !self.unfinished.is_empty() {
            meili.wait_for(&self.unfinished).await?;
            self.unfinished.clear();
        }
        if !self.is_prepared {
            meili.apply_settings().await?;
            self.is_prepared = true;
        }
        Ok(())
    }
}

/// A part that Meilisearch does not take. Output: its halves, where one document may be at fault.
fn refuse(part: Part, error: &IndexError, verdicts: &mut [Result<(), IndexError>]) -> Vec<Part> {
    if error.is_about_documents() && part.items.len() > 1 {
        metrics::bisected();
        tracing::debug!(
            num_documents = part.items.len(),
            "a batch is cut in two: {error}"
        );
        return part.halves().into();
    }
    if error.is_about_documents() {
        metrics::documents("refused", part.items.len());
    }
    part.fail(error, verdicts);
    Vec::new()
}

impl Sink for Indexer {
    type Input = SpeechChange;
    type Error = IndexError;

    const NAME: &'static str = "indexer";
    const CONSUMER: ConsumerSpec = INDEXER;

    fn limits(&self) -> BatchLimits {
        self.limits
    }

    async fn handle(&self, batch: Vec<Delivery<SpeechChange>>) -> Vec<Result<(), IndexError>> {
        let mut verdicts: Vec<Result<(), IndexError>> = batch.iter().map(|_| Ok(())).collect();
        let items = batch.into_iter().enumerate();
        let items = items.map(|(slot, delivery)| Item::of(slot, delivery));
        let mut parts = Part::of(items.collect());
        while !parts.is_empty() {
            parts = self.round(parts, &mut verdicts).await;
        }
        verdicts
    }
}
