//! `speechmill search`, over an index that roles have filled.

use messages::{Message, SpeechChange, SpeechId, Upsert};
use time::Date;
use time::macros::format_description;

use crate::lab::{Ended, Lab, ended, keys, speech};

/// A speech of its own address, of the sixth of May of a year.
pub(crate) fn of(title: &str, year: i32) -> Upsert {
    let golden = include_bytes!("../../../messages/golden/speech_change_upsert.json");
    let Ok(SpeechChange::Upsert(mut upsert)) = SpeechChange::decode("", golden) else {
        panic!("the golden speech is an upsert");
    };
    let speech = &mut upsert.speech;
    speech.url = format!("https://www.example.com/{title}").parse().unwrap();
    speech.speech_id = SpeechId::of(&speech.url);
    title.clone_into(&mut speech.title);
    let day = format!("{year}-05-06");
    speech.date = Some(Date::parse(&day, format_description!("[year]-[month]-[day]")).unwrap());
    // It is of another text.
    upsert.derived = None;
    *upsert
}

/// Puts speeches into both servers, without any role.
pub(crate) async fn fill(lab: &Lab, speeches: &[Upsert]) {
    let applied = lab.run(&["check", "--apply"]).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    let broker = lab.broker().await;
    for upsert in speeches {
        let change = SpeechChange::Upsert(Box::new(upsert.clone()));
        broker.publish(&change).await.unwrap();
    }
    let filled = lab.run(&["check", "--documents", "--repair"]).await;
    assert_eq!(filled.code, Some(0), "{filled:?}");
}

fn titles(found: &Ended) -> Vec<String> {
    let page = found.lines().pop().unwrap_or_else(|| panic!("{found:?}"));
    let hits = page["hits"].as_array().unwrap();
    let title = |hit: &serde_json::Value| hit["title"].as_str().unwrap().to_owned();
    hits.iter().map(title).collect()
}

#[tokio::test]
async fn what_is_found_is_printed_and_nothing_found_ends_with_1() {
    let mut lab = Lab::start().await;
    let before = lab.run(&["search", "讲话"]).await;
    before.only_says(1, &["no index speeches yet"]);
    lab.site.page("/1.html", speech(0));
    lab.site.page("/2.html", speech(1));
    for role in ["crawler", "extractor", "indexer"] {
        lab.start_role(role).await;
    }
    let urls = [lab.site.url("/1.html"), lab.site.url("/2.html")];
    let waited = lab.run(&["submit", "--wait", &urls[0], &urls[1]]).await;
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert_eq!(waited.out.matches("indexed").count(), 4, "{waited:?}");

    let hits = lab.run(&["search", "河道治理"]).await;
    assert_eq!(hits.code, Some(0), "{hits:?}");
    assert!(hits.out.contains(&urls[0]), "{hits:?}");
    assert!(hits.out.contains("【河道】"), "{hits:?}");
    let json = lab.json(&["search", "河道治理", "--limit", "1"]).await;
    assert_eq!(keys(&json[0]), ["estimated_total", "hits", "took_ms"]);
    let hit = &json[0]["hits"][0];
    for key in [
        "id", "url", "title", "date", "kind", "site", "speaker", "snippet", "document",
    ] {
        assert!(hit.get(key).is_some(), "{key} is not in {hit}");
    }
    let nothing = lab.run(&["search", "\"没有人讲过的话\""]).await;
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert_eq!(nothing.err, "");
    let filtered = lab.run(&["search", "河道治理", "--year", "1901"]).await;
    assert_eq!(filtered.code, Some(1), "{filtered:?}");
    let site = lab.site.host();
    let filtered = lab.run(&["search", "河道治理", "--site", &site]).await;
    assert_eq!(filtered.code, Some(0), "{filtered:?}");

    for filter in ["year = ", "no_such_field = 1", "kind = \"a\" AND ("] {
        let refused = lab.run(&["search", "讲话", "--filter", filter]).await;
        refused.only_says(64, &["--filter"]);
    }
    let other = lab.command(["search", "讲话", "--index", "another"]);
    ended(other, "")
        .await
        .only_says(1, &["no index another yet"]);
}

#[tokio::test]
async fn every_condition_narrows_and_every_order_is_kept() {
    let lab = Lab::start().await;
    let mut speeches = [
        of("甲", 2021),
        of("乙", 2022),
        of("丙", 2023),
        of("丁", 2024),
    ];
    for (upsert, (views, speaker)) in
        speeches
            .iter_mut()
            .zip([(30, "王五"), (40, "李四"), (10, "王五"), (20, "张三")])
    {
        upsert.speech.views = Some(views);
        upsert.speech.speaker = Some(speaker.to_owned());
    }
    speeches[3].speech.completeness.state = messages::CompletenessState::LoginWall;
    fill(&lab, &speeches).await;
    for (args, wanted) in [
        (&["--sort", "date"][..], &["丁", "丙", "乙", "甲"][..]),
        (&["--sort", "views"], &["乙", "甲", "丁", "丙"]),
        (
            &["--sort", "date", "--limit", "1", "--offset", "2"],
            &["乙"],
        ),
        (&["--sort", "date", "--year", "2022..2023"], &["丙", "乙"]),
        (&["--year", "..2021"], &["甲"]),
        (&["--from", "2023-05-06", "--to", "2023-05-06"], &["丙"]),
        (&["--from", "2024-05-06"], &["丁"]),
        (&["--to", "2021-05-05"], &[]),
        (&["--sort", "date", "--speaker", "王五"], &["丙", "甲"]),
        (
            &["--sort", "date", "--speaker", "李四", "--speaker", "张三"],
            &["丁", "乙"],
        ),
        (&["--partial"], &["丁"]),
        (&["--sort", "views", "--whole"], &["乙", "甲", "丙"]),
        (&["--site", "other.example.com"], &[]),
        (
            &["--sort", "views", "--filter", "year = 2023 OR year = 2022"],
            &["乙", "丙"],
        ),
    ] {
        let args = [&["search", "", "--json", "--all-versions"], args].concat();
        let found = lab.run(&args).await;
        assert_eq!(titles(&found), wanted, "{args:?}");
        assert_eq!(found.code, Some(i32::from(wanted.is_empty())), "{found:?}");
    }
    let counted = lab
        .json(&[
            "search",
            "",
            "--facets",
            "--whole",
            "--limit",
            "0",
            "--all-versions",
        ])
        .await;
    assert_eq!(counted[0]["facets"]["speaker"]["王五"], 2);
    let table = lab.run(&["search", "", "--facets", "--all-versions"]).await;
    assert!(
        table.out.contains("SPEAKER  HITS\n王五     2\n"),
        "{table:?}"
    );

    let backwards = ["search", "", "--from", "2024-01-02", "--to", "2024-01-01"];
    lab.run(&backwards).await.only_says(64, &["--from", "--to"]);
    for args in [
        &["--year", "2024..2020"][..],
        &["--from", "2024"],
        &["--partial", "--whole"],
        &["--sort", "size"],
    ] {
        let refused = lab.run(&[&["search", ""], args].concat()).await;
        assert_eq!((refused.code, &*refused.out), (Some(64), ""), "{refused:?}");
    }
}
