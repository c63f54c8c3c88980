//! Waiting for tasks: one request for many, at a growing interval.
//!
//! We read tasks ourselves: the SDK's type can't say `canceled`.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;

use super::Meili;
use crate::IndexError;
use crate::error::Complaint;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Of a task over the index itself: the answer may hold all settings, some 100 KB.
const LONGEST_PAUSE_OF_INDEX: Duration = Duration::from_secs(1);

/// Tasks in one request: its URL stays below what servers and proxies take.
const MAX_ASKED: usize = 500;

/// How a task ended.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) status: TaskStatus,
    pub(crate) complaint: Option<Complaint>,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TaskStatus {
    /// Stored and visible.
    Succeeded,
    /// None of it was done.
    Failed,
    /// Somebody canceled it.
    Canceled,
    /// Meilisearch does not know it.
    Lost,
    /// Any other: enqueued, processing, or one that is new to us.
    #[serde(other)]
    Unfinished,
}

#[derive(Deserialize)]
struct Page {
    results: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    uid: u32,
    status: TaskStatus,
    #[serde(default)]
    error: Option<Complaint>,
}

impl Meili {
    /// Waits until all these tasks have ended, however long that takes.
    ///
    /// Errors: what keeps us from asking; the tasks go on.
    pub(crate) async fn wait_for(&self, uids: &[u32]) -> Result<HashMap<u32, Task>, IndexError> {
        self.wait(uids, LONGEST_PAUSE).await
    }

    /// The same of a task over the index itself.
    pub(crate) async fn wait_for_index(&self, uid: u32) -> Result<Task, IndexError> {
        let mut ended = self.wait(&[uid], LONGEST_PAUSE_OF_INDEX).await?;
        ended.remove(&uid).ok_or(IndexError::TaskLost { uid })
    }

    async fn wait(
        &self,
        uids: &[u32],
        longest_pause: Duration,
    ) -> Result<HashMap<u32, Task>, IndexError> {
        let mut ended = HashMap::new();
        let mut left = uids.to_vec();
        let mut pause = FIRST_PAUSE;
        loop {
            for asked in left.chunks(MAX_ASKED) {
                ended.extend(self.ended_of(asked).await?);
            }
            left.retain(|uid| !ended.contains_key(uid));
            if left.is_empty() {
                return Ok(ended);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(longest_pause);
        }
    }

    /// Those of these tasks that have ended.
    async fn ended_of(&self, uids: &[u32]) -> Result<HashMap<u32, Task>, IndexError> {
        let asked: Vec<String> = uids.iter().map(ToString::to_string).collect();
        let path = format!("/tasks?uids={}&limit={}", asked.join(","), asked.len());
        let page: Page = self
            .http
            .json(self.http.request(Method::GET, &path))
            .await?;
        let lost = Task {
            status: TaskStatus::Lost,
            complaint: None,
        };
        let mut tasks: HashMap<u32, Task> = uids.iter().map(|uid| (*uid, lost.clone())).collect();
        for entry in page.results {
            let task = Task {
                status: entry.status,
                complaint: entry.error,
            };
            tasks.insert(entry.uid, task);
        }
        tasks.retain(|_, task| task.status != TaskStatus::Unfinished);
        Ok(tasks)
    }
}

impl Task {
    /// What its end means for the documents it was about.
    pub(crate) fn result(&self, uid: u32) -> Result<(), IndexError> {
        match self.status {
            TaskStatus::Succeeded => Ok(()),
            TaskStatus::Failed => Err(IndexError::of_task(self.complaint.as_ref())),
            TaskStatus::Canceled => Err(IndexError::TaskCanceled { uid }),
            TaskStatus::Lost | TaskStatus::Unfinished => Err(IndexError::TaskLost { uid }),
        }
    }

    /// Meilisearch's code for its failure.
    pub(crate) fn code(&self) -> &str {
        self.complaint.as_ref().map_or("", |said| &said.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_of_any_status_can_be_read() {
        for (text, status) in [
            ("succeeded", TaskStatus::Succeeded),
            ("failed", TaskStatus::Failed),
            ("canceled", TaskStatus::Canceled),
            ("enqueued", TaskStatus::Unfinished),
            ("processing", TaskStatus::Unfinished),
            ("something new", TaskStatus::Unfinished),
        ] {
            let json =
                format!(r#"{{"uid": 1, "status": "{text}", "error": null, "details": {{}}}}"#);
            let entry: Entry = serde_json::from_str(&json).unwrap();
            assert_eq!(entry.status, status);
        }
    }
}
