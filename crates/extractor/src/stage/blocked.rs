//! What a takedown means for a page: neither it nor its text goes any further.

use std::collections::HashMap;

use messages::{BlockRecord, CanonicalUrl, Page, UrlId};
use worker::topology::PAGES;
use worker::{BrokerError, Outbox};

use super::{Core, Read};

impl Core {
    /// Whether a block holds for a page: for what was requested, or for what answered.
    pub(super) async fn is_blocked(&self, page: &Page) -> Result<bool, BrokerError> {
        let requested = page.requested();
        if self.holds_for(requested).await? {
            return Ok(true);
        }
        match page {
            Page::Response(page) if page.final_url != *requested => {
                self.holds_for(&page.final_url).await
            }
            _ => Ok(false),
        }
    }

    /// Takes out the speeches whose own address is blocked. Answers whether none is left because of it.
    pub(super) async fn loses_all(&self, read: &mut Read) -> Result<bool, BrokerError> {
        let speeches = &mut read.extraction.speeches;
        let page = &read.response;
        let mut is_blocked = HashMap::from([(page.url.clone(), false)]);
        for speech in speeches.iter() {
            if !is_blocked.contains_key(&speech.url) {
                let holds = self.holds_for(&speech.url).await?;
                is_blocked.insert(speech.url.clone(), holds);
            }
        }
        let num = speeches.len();
        speeches.retain(|speech| !is_blocked[&speech.url]);
        Ok(speeches.is_empty() && num > 0)
    }

    /// Ends a page, and erases it: it may have been on its way while all else was taken down.
    pub(super) async fn shut_out(
        &self,
        url_id: &UrlId,
        outbox: &mut Outbox,
    ) -> Result<(), BrokerError> {
        // Not an output, as twice is the same as once.
        self.broker.erase(PAGES, &Page::subject_of(url_id)).await?;
        outbox.count(BlockRecord::CODE);
        Ok(())
    }

    async fn holds_for(&self, url: &CanonicalUrl) -> Result<bool, BrokerError> {
        Ok(self.broker.block_of(url).await?.is_some())
    }
}
