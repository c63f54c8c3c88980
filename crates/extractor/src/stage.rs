//! The stages of the role `extractor`: a fetched page, or one that is to be extracted again, goes in;
//! changes of speeches and links go out. The extraction itself is pure and elsewhere.

mod blocked;
mod breaker;
mod changes;
mod derive;
mod failure;
mod learning;
mod profiles;
mod record;
mod view;

use std::sync::Arc;

use messages::{
    BlockRecord, CanonicalUrl, ExtractRecord, FoundLink, Page, PageAgain, Response, SpeechChange,
    SpeechId, UrlId, Version,
};
use sites::Sites;
use worker::topology::{self, ConsumerSpec};
use worker::{Broker, BrokerError, Delivery, Outbox, Stage};

use crate::{Extraction, ExtractorConfig, REVISION, Skip, extract};
use breaker::Breaker;
use changes::{Leaving, Yield};
use failure::StageError;
use learning::{Known, Learning};
use record::{Before, record};

/// The code of a page that is gone, or says `noindex`, and whose speeches stay all the same.
const HELD: &str = "withdrawal_held";

/// The code of a page that was taken down for good.
const BLOCKED: Option<&str> = Some(BlockRecord::CODE);

/// What both stages do with a page.
#[derive(Clone)]
struct Core {
    broker: Broker,
    sites: Arc<Sites>,
    breaker: Breaker,
    learning: Learning,
    concurrency: usize,
}

/// A page and what it gives.
struct Read {
    response: Response,
    extraction: Extraction,
}

/// Extracts pages as they are fetched.
pub struct Extractor(Core);

/// Extracts pages once more.
pub struct ExtractorAgain(Core);

/// The stages of the role, which share what they know.
pub fn stages(
    broker: Broker,
    config: &ExtractorConfig,
    sites: Arc<Sites>,
) -> (Extractor, ExtractorAgain) {
    let core = Core {
        breaker: Breaker::new(broker.clone(), config),
        learning: Learning::new(broker.clone(), sites.clone()),
        broker,
        sites,
        concurrency: config.concurrency(),
    };
    (Extractor(core.clone()), ExtractorAgain(core))
}

impl Stage for Extractor {
    type Input = Page;
    type Error = StageError;
    const NAME: &'static str = "extractor";
    const CONSUMER: ConsumerSpec = topology::EXTRACTOR;

    fn concurrency(&self) -> usize {
        self.0.concurrency
    }

    async fn handle(&self, input: &Delivery<Page>, outbox: &mut Outbox) -> Result<(), StageError> {
        self.0
            .handle(input.message.clone(), input.sequence, outbox)
            .await
    }
}

impl Stage for ExtractorAgain {
    type Input = PageAgain;
    type Error = StageError;
    const NAME: &'static str = "extractor";
    const CONSUMER: ConsumerSpec = topology::EXTRACTOR_AGAIN;

    fn concurrency(&self) -> usize {
        self.0.concurrency
    }

    async fn handle(
        &self,
        input: &Delivery<PageAgain>,
        outbox: &mut Outbox,
    ) -> Result<(), StageError> {
        let subject = Page::subject_of(&input.message.url_id);
        let pages = topology::PAGES;
        let Some(page) = self.0.broker.latest::<Page>(pages, &subject).await? else {
            outbox.count("page_trimmed");
            return Ok(());
        };
        self.0.handle(page.message, page.sequence, outbox).await
    }
}

impl Core {
    async fn handle(
        &self,
        page: Page,
        page_sequence: u64,
        outbox: &mut Outbox,
    ) -> Result<(), StageError> {
        let url_id = page.url_id();
        let host = match &page {
            Page::Response(page) => page.final_url.host(),
            Page::Gone(page) => page.url.host(),
        };
        let known = self.learning.of(&host).await?;
        let version = Version {
            fetched_at: page.fetched_at(),
            page_sequence,
            extractor: REVISION,
            memory: known.memory.generation(),
        };
        let before = Before::of(&self.broker, &url_id).await?;
        let is_superseded = before.supersedes(version);
        if self.is_blocked(&page).await? {
            if !is_superseded {
                let record = record(version, before.speech_ids.clone(), BLOCKED);
                before.replace(outbox, record);
            }
            return Ok(self.shut_out(&url_id, outbox).await?);
        }
        if is_superseded {
            outbox.count("superseded");
            return Ok(());
        }
        match page {
            Page::Gone(gone) => {
                let yielded = &before.speech_ids;
                let record = if self.lets_go(yielded, &gone.url, version).await? {
                    self.leave(yielded, &url_id, &gone.url, version, outbox)
                        .await?;
                    record(version, Vec::new(), Some("gone"))
                } else {
                    outbox.count(HELD);
                    record(version, yielded.clone(), Some(HELD))
                };
                before.replace(outbox, record);
            }
            Page::Response(response) => {
                let (mut read, known) = self.read(response, known, &url_id).await?;
                if self.loses_all(&mut read).await? {
                    let record = record(version, before.speech_ids.clone(), BLOCKED);
                    before.replace(outbox, record);
                    return Ok(self.shut_out(&url_id, outbox).await?);
                }
                let version = Version {
                    memory: known.memory.generation(),
                    ..version
                };
                self.extracted(read, before, &url_id, version, outbox)
                    .await?;
                let learning = &self.learning;
                learning.extract_again(&known, &url_id, outbox).await?;
            }
        }
        Ok(())
    }

    /// Extracts a page with the memory of its host, and again if that has grown with it.
    async fn read(
        &self,
        mut response: Response,
        mut known: Known,
        url_id: &UrlId,
    ) -> Result<(Read, Known), StageError> {
        loop {
            let (sites, memory) = (self.sites.clone(), known.memory.clone());
            let generation = memory.generation();
            let extraction;
            (response, extraction) = worker::blocking(move || {
                let extraction = view::with(&response, |page| extract(page, &sites, &memory));
                (response, extraction)
            })
            .await;
            let extraction = extraction??;
            if !extraction.speeches.is_empty() {
                known = self.learning.learn(known, url_id).await?;
            }
            if known.memory.generation() <= generation {
                return Ok((
                    Read {
                        response,
                        extraction,
                    },
                    known,
                ));
            }
        }
    }

    async fn extracted(
        &self,
        Read {
            response,
            extraction,
        }: Read,
        before: Before,
        url_id: &UrlId,
        version: Version,
        outbox: &mut Outbox,
    ) -> Result<(), StageError> {
        let yielded = &before.speech_ids;
        let Extraction {
            speeches,
            skip,
            links,
            num_out_of_scope,
            num_replaced,
            whole: _,
        } = extraction;
        profiles::note(&self.broker, &response.final_url, &speeches, outbox).await?;
        let speech_ids: Vec<SpeechId> = speeches.iter().map(|s| s.speech_id.clone()).collect();
        // A skip withdraws nothing but where the site says that it wants it so.
        let is_unwanted = skip == Some(Skip::NoIndex);
        let is_held = is_unwanted && !self.lets_go(yielded, &response.url, version).await?;
        let is_telling = !is_held && (is_unwanted || !speech_ids.is_empty());
        if is_telling {
            let lost: Vec<SpeechId> = yielded
                .iter()
                .filter(|id| !speech_ids.contains(id))
                .cloned()
                .collect();
            self.leave(&lost, url_id, &response.url, version, outbox)
                .await?;
        }
        if yielded.is_empty() && !speech_ids.is_empty() {
            self.breaker.appeared(&response.url.host()).await?;
        }
        for (speech, derived) in derive::derive(speeches).await {
            let subject = SpeechChange::subject_of(&speech.speech_id);
            let ours = Yield {
                speech,
                derived,
                version,
                url_id: url_id.clone(),
            };
            outbox.publish_merged(subject, move |last| ours.merge(last));
        }
        let num_links = self.lead_on(&response, skip, links, outbox);
        outbox.count_many("out_of_scope", num_out_of_scope.into());
        outbox.count_many("characters_replaced", num_replaced.into());
        let skip = skip.map(|skip| if is_held { HELD } else { skip.code() });
        if let Some(code) = skip {
            outbox.count(code);
        }
        // What was not withdrawn is still the page's own to withdraw.
        let speech_ids = if is_telling {
            speech_ids
        } else {
            yielded.clone()
        };
        let record = ExtractRecord {
            num_links,
            num_replaced,
            ..record(version, speech_ids, skip)
        };
        before.replace(outbox, record);
        Ok(())
    }

    /// Publishes the links of a page; answers how many.
    fn lead_on(
        &self,
        page: &Response,
        skip: Option<Skip>,
        links: Vec<CanonicalUrl>,
        outbox: &mut Outbox,
    ) -> u32 {
        let deeper = depth_of_links(page.depth, &page.url, skip);
        let max_depth = self.sites.max_depth(&page.final_url.host());
        let on_list = skip == Some(Skip::ListPage);
        let found_on = UrlId::of(&page.url);
        let mut num_links = 0;
        for url in links {
            let is_more = on_list && self.sites.is_page_of_list(&url, &page.final_url);
            let depth = if is_more { page.depth } else { deeper };
            if depth > max_depth {
                outbox.count("too_deep");
                continue;
            }
            num_links += 1;
            outbox.publish_optional(&FoundLink {
                url,
                depth,
                found_on: found_on.clone(),
            });
        }
        num_links
    }

    /// Whether a page may withdraw all of its speeches; if it has none, nothing speaks against it.
    async fn lets_go(
        &self,
        speech_ids: &[SpeechId],
        url: &CanonicalUrl,
        version: Version,
    ) -> Result<bool, BrokerError> {
        if speech_ids.is_empty() {
            return Ok(true);
        }
        self.breaker.lets_go(&url.host(), version.fetched_at).await
    }

    /// A page no longer yields these speeches.
    async fn leave(
        &self,
        speech_ids: &[SpeechId],
        url_id: &UrlId,
        url: &CanonicalUrl,
        version: Version,
        outbox: &mut Outbox,
    ) -> Result<(), StageError> {
        for speech_id in speech_ids {
            let subject = SpeechChange::subject_of(speech_id);
            let leaving = Leaving {
                speech_id: speech_id.clone(),
                url_id: url_id.clone(),
                url: url.clone(),
                version,
            };
            let last = self
                .broker
                .latest::<SpeechChange>(topology::SPEECHES, &subject)
                .await?;
            if let Some(url_id) = last.and_then(|last| leaving.heir(&last.message)) {
                outbox.publish(&PageAgain { url_id });
            }
            outbox.publish_merged(subject, move |last| leaving.merge(last));
        }
        Ok(())
    }
}

/// Discovery uses up no more depth than one link: whoever submits a robots.txt, an index or a sitemap
/// wants the pages. There is an end to it all the same: only an index and a robots.txt lead on to
/// sitemaps, and an index is one step.
fn depth_of_links(depth: u32, url: &CanonicalUrl, skip: Option<Skip>) -> u32 {
    match skip {
        Some(Skip::RobotsTxt) => depth,
        Some(Skip::Sitemap) if Sites::is_sitemap(url) => depth.max(1),
        _ => depth + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_over_sitemaps_is_as_deep_as_one_link() {
        let below = |depth, path: &str, skip| {
            let url = format!("https://a.example{path}").parse().unwrap();
            depth_of_links(depth, &url, skip)
        };
        let robots = below(0, "/robots.txt", Some(Skip::RobotsTxt));
        let index = below(robots, "/s.xml", Some(Skip::SitemapIndex));
        let page = below(index, "/s-1.xml", Some(Skip::Sitemap));
        assert_eq!((robots, index, page), (0, 1, 1));
        assert_eq!(below(0, "/s.xml", Some(Skip::Sitemap)), 1);
        // What does not look like one by its address could lead to its like for ever.
        assert_eq!(below(1, "/s?n=1", Some(Skip::Sitemap)), 2);
        assert_eq!(below(1, "/s.xml", Some(Skip::SitemapIndex)), 2);
        assert_eq!(below(0, "/feed", Some(Skip::Feed)), 1);
        assert_eq!(below(0, "/list/", Some(Skip::ListPage)), 1);
        assert_eq!(below(1, "/1.html", None), 2);
    }
}
