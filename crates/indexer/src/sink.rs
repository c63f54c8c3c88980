//! The indexer: a batch of speech changes in, one verdict each out.
//!
//! A verdict is Ok only when Meilisearch's task has succeeded and no newer message of the speech has
//! come meanwhile. Works in rounds: all parts of a round are posted in one turn, then awaited.

mod compose;
mod copies;
mod part;
mod turn;
mod versions;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use messages::{SpeechChange, Upsert};
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};
use worker::topology::{ConsumerSpec, INDEXER};
use worker::{BatchLimits, Broker, Failure, Process, Sink, Stored, Verdict, WorkerError};

use crate::meili::Task;
use crate::{IndexError, IndexerConfig, Meili, SpeechDocument, metrics, reindex};
use compose::Sketched;
use copies::Copies;
use part::Part;
pub(crate) use turn::Turn;

/// After which the settings are looked at that were sent at the start.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// Makes the document of a speech and its version.
type ToDocument = fn(&Upsert, u64) -> SpeechDocument;

/// Takes speech changes into Meilisearch. A clone shares its turns.
#[derive(Clone)]
pub struct Indexer {
    meili: Meili,
    broker: Broker,
    limits: BatchLimits,
    to_document: ToDocument,
    /// Held while documents are made, and until they have their turn: no more than two batches are
    /// in memory with all that is made of them.
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
        let turn = self.turn.try_lock();
        turn.map_or(true, |turn| turn.is_taken_within(within))
    }

    /// Makes documents in another way: how a test gets one that Meilisearch refuses.
    #[doc(hidden)]
    #[must_use]
    pub fn with_documents(mut self, to_document: ToDocument) -> Self {
        self.to_document = to_document;
        self
    }

    /// Makes the index what it should be; documents may be sent behind the settings. The first batch
    /// would do it too: this is for a role that wants to know at its start whether its key and its
    /// index are right.
    pub async fn prepare(&self) -> Result<(), IndexError> {
        let mut turn = self.turn.lock().await;
        turn.prepare(&self.meili).await?;
        turn.note_end(self.end_of_speeches().await);
        Ok(())
    }

    /// Ends the process if the settings that were sent at its start are refused. A batch finds that as
    /// well: this is for the time before one comes.
    pub async fn watch_settings(&self, process: &Process) -> Result<(), WorkerError> {
        let watch = async {
            // They take some time, and each look some milliseconds of Meilisearch's.
            tokio::time::sleep(FIRST_LOOK).await;
            let sent = self.turn.lock().await.settings;
            if let Some(task) = sent
                && let Err(error) = self.meili.settings_applied(task).await
                && matches!(error.verdict(), Verdict::Stop(_))
            {
                return error;
            }
            std::future::pending().await
        };
        process.run_beside(watch).await
    }

    /// Takes the parts one step further. Output: what is left for another round.
    async fn round(
        &self,
        mut parts: Vec<Part>,
        order: Option<OwnedMutexGuard<()>>,
        verdicts: &mut [Result<(), IndexError>],
    ) -> Vec<Part> {
        self.complete(&mut parts).await;
        let started = Instant::now();
        let mut next = Vec::new();
        let (sent, settings) = self.post(parts, order, &mut next, verdicts).await;
        if sent.is_empty() {
            return next;
        }
        let uids: Vec<u32> = sent.iter().map(|sent| sent.uid).collect();
        let asking = self.tasks.lock().await;
        let ended = self.ended(&uids, settings).await;
        drop(asking);
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                let lost = sent.iter().map(|sent| (sent.uid, &sent.part));
                self.turn.lock().await.lost(lost);
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

    /// Posts the parts, one after the other's 202, without what was replaced meanwhile. Output: these,
    /// and the task of settings that they stand behind.
    async fn post(
        &self,
        parts: Vec<Part>,
        order: Option<OwnedMutexGuard<()>>,
        next: &mut Vec<Part>,
        verdicts: &mut [Result<(), IndexError>],
    ) -> (Vec<Sent>, Option<u32>) {
        let mut turn = self.turn.lock().await;
        drop(order);
        let mut sent = Vec::new();
        turn.begin();
        let mut halt = self.make_ready(&mut turn, &parts).await.err();
        let end = self.end_of_speeches().await;
        turn.note_end(end);
        let highest = Part::last_sequence(&parts);
        for part in parts {
            if let Some(error) = &halt {
                part.fail(error, verdicts);
                continue;
            }
            let mut part = self.drop_replaced(part, &turn, verdicts).await;
            let posted = match self.drop_stored(&mut part, &turn).await {
                Ok(()) if part.items.is_empty() => continue,
                Ok(()) => self.post_one(&mut part).await,
                Err(error) => Err(error),
            };
            match posted {
                Ok(uid) => {
                    metrics::accepted(part.items.len());
                    turn.sent(uid);
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
        turn.end(highest);
        (sent, turn.settings)
    }

    /// Waits for tasks, and then for the settings that they were sent behind, which ended before them.
    async fn ended(
        &self,
        uids: &[u32],
        settings: Option<u32>,
    ) -> Result<HashMap<u32, Task>, IndexError> {
        let ended = self.meili.wait_for(uids).await?;
        if let Some(task) = settings {
            self.meili.settings_applied(task).await?;
            let mut turn = self.turn.lock().await;
            turn.settings = turn.settings.filter(|sent| *sent != task);
        }
        Ok(ended)
    }

    /// What must be done before the parts may be posted.
    async fn make_ready(&self, turn: &mut Turn, parts: &[Part]) -> Result<(), IndexError> {
        turn.prepare(&self.meili).await?;
        if self.is_live {
            reindex::check_pause(&self.broker).await?;
        }
        let mut items = parts.iter().flat_map(|part| &part.items);
        if items.any(|item| turn.is_doubtful(item)) {
            turn.await_others(&self.meili).await?;
        }
        let followed = self.follow(turn, parts).await;
        if followed.is_err() {
            turn.forget();
        }
        followed
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

    async fn handle(&self, batch: Vec<Stored>) -> Vec<Result<(), IndexError>> {
        let mut verdicts: Vec<Result<(), IndexError>> = batch.iter().map(|_| Ok(())).collect();
        let mut order = Some(self.order.clone().lock_owned().await);
        let mut parts = Part::of(self.compose(batch, &mut verdicts).await);
        // While the batch before is sent. Had this failed, the turn would fail in the same way.
        let _ = self.catch_up(Part::last_sequence(&parts)).await;
        while !parts.is_empty() {
            parts = self.round(parts, order.take(), &mut verdicts).await;
        }
        verdicts
    }
}
