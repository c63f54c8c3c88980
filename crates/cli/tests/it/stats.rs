//! `speechmill stats`.

use serde_json::json;

use crate::lab::{Lab, ended, keys};
use crate::search::{fill, of};

#[tokio::test]
async fn what_is_in_the_index_is_counted_by_what_it_says() {
    let lab = Lab::start().await;
    let before = lab.run(&["stats"]).await;
    before.only_says(1, &["no index speeches yet"]);
    let speeches = [of("甲", 2023), of("乙", 2024), of("丙", 2024)];
    fill(&lab, &speeches).await;
    let stats = &lab.json(&["stats"]).await[0];
    assert_eq!(keys(stats), ["facets", "num_documents", "sizes"]);
    assert_eq!(stats["num_documents"], 3);
    assert_eq!(stats["facets"]["year"], json!({"2023": 1, "2024": 2}));
    assert_eq!(stats["facets"]["site"], json!({"www.qinglan.example": 3}));
    assert!(stats["sizes"]["database_bytes"].as_u64().unwrap() > 0);
    let table = lab.run(&["stats"]).await;
    assert_eq!(table.code, Some(0), "{table:?}");
    assert!(table.out.starts_with("index speeches: 3 documents"));
    assert!(table.out.contains("YEAR  DOCUMENTS\n2024  2\n2023  1\n"));
}

#[tokio::test]
async fn a_search_only_key_is_enough_for_all_but_the_sizes() {
    let lab = Lab::start().await;
    fill(&lab, &[of("甲", 2023)]).await;
    let master = lab.meili.as_ref().unwrap().key();
    let args = ["keys", "--json", "--master-key-file", "-"];
    let lines = lab.run_with(&args, master).await.lines();
    let key = lines[1]["key"].as_str().unwrap();
    let stats = lab.command(["stats", "--json"]);
    let stats = ended(stats.env("SPEECHMILL_MEILI_KEY", key), "").await;
    let stats = &stats.lines()[0];
    assert_eq!(
        (&stats["num_documents"], &stats["sizes"]),
        (&json!(1), &json!(null))
    );
}
