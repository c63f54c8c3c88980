//! A page that holds several speeches.

use serde_json::Value;

use crate::mill::Mill;
use crate::pages::{html, page};

/// Speeches under marks that count up.
fn collection(number: usize) -> String {
    let text =
        "<p>新的安排,请各单位尽快传达,逐级压实责任,每周通报进展,确保年底前见到成效。</p>".repeat(6);
    let speech = |n| format!("<p>表态发言 篇{n}</p><p>第{n}位同志们:</p>{text}<p>谢谢大家!</p>");
    let speeches: String = (1..=number).map(speech).collect();
    page("表态发言范文精选", &speeches)
}

async fn titles(mill: &Mill) -> Vec<Value> {
    mill.is_idle().await;
    let documents = mill.documents().await;
    let mut titles: Vec<Value> = documents
        .into_iter()
        .map(|mut it| it["title"].take())
        .collect();
    titles.sort_by_key(Value::to_string);
    titles
}

#[tokio::test]
async fn each_speech_of_a_page_is_a_document_and_goes_when_the_page_no_longer_has_it() {
    let mill = Mill::start().await;
    mill.site
        .sequence("/c.html", [html(&collection(3)), html(&collection(2))]);
    mill.submit(&["/c.html"]).await;
    mill.reaches("/c.html", "indexed").await;
    let three = ["表态发言 篇1", "表态发言 篇2", "表态发言 篇3"];
    assert_eq!(titles(&mill).await, three);
    mill.submit(&["/c.html"]).await;
    mill.reaches("/c.html", "indexed").await;
    assert_eq!(titles(&mill).await, three[..2]);
}
