//! An index as a whole: when it was made, its removal, and a swap of two.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::Meili;
use crate::IndexError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    created_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    task_uid: u32,
}

#[derive(Deserialize)]
struct Tasks {
    results: Vec<Numbered>,
}

#[derive(Deserialize)]
struct Numbered {
    uid: u32,
}

impl Meili {
    /// When what stands under this name was made, to the nanosecond. It goes along in a swap, and so
    /// tells which of two indexes this is. `None`: there is none.
    pub(crate) async fn created_at(&self) -> Result<Option<String>, IndexError> {
        let path = format!("/indexes/{}", self.index);
        let request = self.http.request(Method::GET, &path);
        match self.http.json::<Info>(request).await {
            Ok(info) => Ok(Some(info.created_at)),
            Err(IndexError::Refused { code, .. }) if code == "index_not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes the index, if there is one.
    pub(crate) async fn delete_index(&self) -> Result<(), IndexError> {
        if self.created_at().await?.is_none() {
            return Ok(());
        }
        let path = format!("/indexes/{}", self.index);
        let request = self.http.request(Method::DELETE, &path);
        let accepted: Accepted = self.http.json(request).await?;
        self.done(accepted.task_uid).await
    }

    /// Puts each of two indexes under the name of the other, at once for all who search.
    pub(crate) async fn swap_with(&self, other: &Self) -> Result<(), IndexError> {
        let request = self.http.request(Method::POST, "/swap-indexes");
        let pair = json!([{"indexes": [self.index, other.index]}]);
        let accepted: Accepted = self.http.json(request.json(&pair)).await?;
        self.done(accepted.task_uid).await
    }

    /// Waits until no swap is left to do, whoever asked for it.
    pub(crate) async fn swaps_are_done(&self) -> Result<(), IndexError> {
        let uids = self.unfinished("types=indexSwap").await?;
        self.wait_for(&uids).await.map(drop)
    }

    /// The tasks of this index that are left to do, whoever asked for them: the youngest thousand,
    /// before which all others end.
    pub(crate) async fn unfinished_tasks(&self) -> Result<Vec<u32>, IndexError> {
        self.unfinished(&format!("indexUids={}", self.index)).await
    }

    /// Of them those of settings.
    pub(crate) async fn unfinished_settings(&self) -> Result<Vec<u32>, IndexError> {
        let which = format!("indexUids={}&types=settingsUpdate", self.index);
        self.unfinished(&which).await
    }

    async fn unfinished(&self, which: &str) -> Result<Vec<u32>, IndexError> {
        let path = format!("/tasks?{which}&statuses=enqueued,processing&limit=1000");
        let tasks: Tasks = self
            .http
            .json(self.http.request(Method::GET, &path))
            .await?;
        Ok(tasks.results.iter().map(|task| task.uid).collect())
    }

    async fn done(&self, uid: u32) -> Result<(), IndexError> {
        self.wait_for_index(uid).await?.result(uid)
    }
}
