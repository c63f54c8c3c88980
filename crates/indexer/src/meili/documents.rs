//! Writing documents: NDJSON in, compressed unless Meilisearch is on this machine, the number of the task
//! out. And reading which versions there are.

use std::collections::HashMap;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use messages::SpeechId;
use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Meili;
use crate::IndexError;
use crate::document::Line;

/// The answer to a write: a promise to try.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    task_uid: u32,
}

/// A document, but for what it says.
#[derive(Deserialize)]
pub(crate) struct Standing {
    pub(crate) id: String,
    /// 0: it has none, and is not ours.
    #[serde(default)]
    pub(crate) version: u64,
    #[serde(default)]
    pub(crate) cluster: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    results: Vec<Standing>,
}

impl Meili {
    /// Puts documents in, each replacing the one with its id, and each with its cluster.
    ///
    /// Output: the number of the task.
    pub(crate) async fn put_documents(
        &self,
        documents: Vec<(Line, SpeechId)>,
    ) -> Result<u32, IndexError> {
        let path = format!("/indexes/{}/documents?primaryKey=id", self.index);
        let request = self.http.upload(&path);
        let mut request = request.header(CONTENT_TYPE, "application/x-ndjson");
        let is_compressed = !self.http.is_here();
        if is_compressed {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        let body = worker::blocking(move || encode(&documents, is_compressed)).await;
        let body = body.expect("a Vec takes every byte");
        let accepted: Accepted = self.http.json(request.body(body)).await?;
        Ok(accepted.task_uid)
    }

    /// Takes documents out; those that are not there are no failure.
    ///
    /// Output: the number of the task.
    pub(crate) async fn delete_documents(&self, ids: &[&str]) -> Result<u32, IndexError> {
        let path = format!("/indexes/{}/documents/delete-batch", self.index);
        let accepted: Accepted = self.http.json(self.http.upload(&path).json(ids)).await?;
        Ok(accepted.task_uid)
    }

    /// A page of the documents that there are; none where there is no index.
    pub(crate) async fn page(
        &self,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Standing>, IndexError> {
        self.fetch(json!({"offset": offset, "limit": limit})).await
    }

    /// What the index holds of these documents, by id.
    pub(crate) async fn standing(
        &self,
        ids: &[&str],
    ) -> Result<HashMap<String, Standing>, IndexError> {
        let asked = json!({"ids": ids, "limit": ids.len()});
        let found = match self.fetch(asked).await {
            // A Meilisearch that can't look up ids: then all of them are sent again.
            Err(IndexError::Refused { code, .. }) if code == "bad_request" => Vec::new(),
            found => found?,
        };
        let found = found.into_iter();
        Ok(found.map(|found| (found.id.clone(), found)).collect())
    }

    async fn fetch(&self, mut asked: Value) -> Result<Vec<Standing>, IndexError> {
        let path = format!("/indexes/{}/documents/fetch", self.index);
        asked["fields"] = json!(["id", "version", "cluster"]);
        let request = self.http.request(Method::POST, &path).json(&asked);
        match self.http.json::<Page>(request).await {
            Ok(page) => Ok(page.results),
            Err(IndexError::Refused { code, .. }) if code == "index_not_found" => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The version of a document. `None`: it is not in the index.
    pub(crate) async fn version_of(&self, id: &str) -> Result<Option<u64>, IndexError> {
        let path = format!("/indexes/{}/documents/{id}?fields=id,version", self.index);
        let request = self.http.request(Method::GET, &path);
        match self.http.json::<Standing>(request).await {
            Ok(found) => Ok(Some(found.version)),
            Err(IndexError::Refused { code, .. })
                if code == "document_not_found" || code == "index_not_found" =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// One document a line; compressed for speed and not for size: the network is near.
fn encode(documents: &[(Line, SpeechId)], is_compressed: bool) -> io::Result<Vec<u8>> {
    if is_compressed {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        write(documents, &mut gzip)?;
        return gzip.finish();
    }
    let num_bytes = documents.iter().map(|(line, _)| line.num_bytes()).sum();
    let mut body = Vec::with_capacity(num_bytes);
    write(documents, &mut body)?;
    Ok(body)
}

fn write(documents: &[(Line, SpeechId)], out: &mut impl Write) -> io::Result<()> {
    let mut documents = documents.iter();
    documents.try_for_each(|(line, cluster)| line.write(cluster, out))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn every_document_is_one_line_that_says_its_cluster_compressed_or_not() {
        let cluster: SpeechId = format!("{:032x}", 7).parse().expect("an id");
        let documents: Vec<_> = ["一\n二", "三"]
            .into_iter()
            .map(|text| {
                let fields = [("id", json!("a")), ("text", json!(text))];
                let document = crate::SpeechDocument::of_fields(fields);
                (document.into_line(), cluster.clone())
            })
            .collect();
        let body = encode(&documents, false).expect("a Vec takes every byte");
        let packed = encode(&documents, true).expect("a Vec takes every byte");
        let mut unpacked = Vec::new();
        GzDecoder::new(packed.as_slice())
            .read_to_end(&mut unpacked)
            .expect("gzip");
        assert_eq!(body, unpacked);
        let body = String::from_utf8(body).expect("UTF-8");
        let lines = body.lines().map(|line| serde_json::from_str(line).unwrap());
        let of = |text: &str| json!({"id": "a", "text": text, "cluster": cluster});
        assert_eq!(lines.collect::<Vec<Value>>(), [of("一\n二"), of("三")]);
    }
}
