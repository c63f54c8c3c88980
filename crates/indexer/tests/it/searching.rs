//! What a reader sees.

use indexer::SearchOptions;
use messages::Section;
use serde_json::json;
use worker::{Failure, Stop, Verdict};

use crate::world::{World, changed, delivery, index, settle, speech};

#[tokio::test]
async fn a_hit_shows_where_it_was_found_and_the_record_without_its_text() {
    let world = World::start().await;
    let text = format!(
        "{}我们要抓好农业生产。{}",
        "开头的话。".repeat(100),
        "结尾的话。".repeat(100)
    );
    let speech = speech("在春耕会议上的讲话", &text);
    let sequence = world.publish(&speech).await;
    index(&world.indexer(), &[delivery(&speech, sequence)]).await;
    let page = world.search("农业").await;
    let hit = &page.hits[0];
    assert_eq!(page.estimated_total, 1);
    assert_eq!(hit.title, "在春耕会议上的讲话");
    assert!(hit.snippet.contains("<em>农业</em>"), "{}", hit.snippet);
    assert!(hit.snippet.chars().count() < 200, "{}", hit.snippet);
    assert_eq!(hit.document.get("version"), Some(&json!(sequence)));
    assert!(!hit.document.contains_key("text"));
    let options = SearchOptions {
        full_text: true,
        ..SearchOptions::default()
    };
    let page = world.searcher().search("春耕", &options).await.unwrap();
    assert_eq!(page.hits[0].document.get("text"), Some(&json!(text)));
    assert!(page.hits[0].title_highlighted.contains("<em>春耕</em>"));
}

#[tokio::test]
async fn a_long_speech_is_found_by_its_last_paragraph() {
    let world = World::start().await;
    let mut text = "我们要抓好农业生产，确保粮食安全。\n".repeat(20_000);
    text.push_str("最后祝大家身体健康、万事如意，谢谢鲲鹏。");
    let speech = speech("长篇讲话", &text);
    let sequence = world.publish(&speech).await;
    index(&world.indexer(), &[delivery(&speech, sequence)]).await;
    let page = world.search("鲲鹏").await;
    assert_eq!(page.estimated_total, 1);
    let snippet = &page.hits[0].snippet;
    assert!(snippet.contains("<em>鲲鹏</em>"), "{snippet}");
}

#[tokio::test]
async fn the_section_that_holds_the_last_paragraph_of_a_long_speech_is_named() {
    let world = World::start().await;
    let filler = "我们要抓好农业生产，确保粮食安全。\n".repeat(18_000);
    let text = format!("一、抓好农业\n{filler}二、凝聚人心\n祝大家身体健康，谢谢鲲鹏。");
    let num_paragraphs = u32::try_from(text.lines().count()).unwrap();
    let speech = changed(&speech("长篇讲话", &text), |upsert| {
        let section = |number: &str, heading: &str, paragraph| Section {
            level: 1,
            number: number.to_owned(),
            heading: heading.to_owned(),
            paragraph,
        };
        upsert.speech.sections = vec![
            section("一", "抓好农业", 0),
            section("二", "凝聚人心", num_paragraphs - 2),
        ];
    });
    assert!(text.chars().count() > 300_000);
    let sequence = world.publish(&speech).await;
    index(&world.indexer(), &[delivery(&speech, sequence)]).await;
    let page = world.search("鲲鹏").await;
    assert_eq!(page.hits[0].section.as_deref(), Some("凝聚人心"));
    let page = world.search("粮食安全").await;
    assert_eq!(page.hits[0].section.as_deref(), Some("抓好农业"));
}

#[tokio::test]
async fn a_speech_is_found_by_what_does_not_stand_in_it_letter_for_letter() {
    let world = World::start().await;
    let speeches = [
        speech("在全县乡村振兴推进会上的讲话", "抓好待处理的事项。"),
        speech("在全鄉檔案工作會議上的講話", "管好檔案。"),
        speech("国家发展和改革委员会关于项目管理的通知", "按程序审批。"),
        speech("在发改委座谈会上的发言", "说三点意见。"),
        speech(
            "在绿茶节上的致辞",
            "防汛刚过，防汛队员也来了，欢迎各位来宾。",
        ),
    ];
    settle(&world, &world.indexer(), &speeches).await;
    for (query, title) in [
        ("fangxun", "在绿茶节上的致辞"),
        ("xiangcun zhenxing", "在全县乡村振兴推进会上的讲话"),
        ("xiangcunzhenxing", "在全县乡村振兴推进会上的讲话"),
        ("乡村震兴", "在全县乡村振兴推进会上的讲话"),
        ("鄉村振興", "在全县乡村振兴推进会上的讲话"),
        ("处理", "在全县乡村振兴推进会上的讲话"),
        ("档案工作", "在全鄉檔案工作會議上的講話"),
        ("发改委项目", "国家发展和改革委员会关于项目管理的通知"),
        ("茶", "在绿茶节上的致辞"),
    ] {
        let page = world.search(query).await;
        let titles: Vec<&str> = page.hits.iter().map(|hit| hit.title.as_str()).collect();
        assert!(titles.contains(&title), "{query}: {titles:?}");
    }
    let page = world.search("国家发展和改革委员会发言").await;
    assert_eq!(page.hits[0].title, "在发改委座谈会上的发言");
}

#[tokio::test]
async fn what_says_it_often_goes_before_what_mentions_it() {
    let world = World::start().await;
    let speeches = [
        speech("在春耕会议上的讲话", "灌溉要早，灌溉要足，灌溉要省。"),
        speech(
            "在座谈会上的讲话",
            "今天不谈灌溉，只谈别的，说得也很长很长。",
        ),
    ];
    settle(&world, &world.indexer(), &speeches).await;
    let page = world.search("灌溉").await;
    let titles: Vec<&str> = page.hits.iter().map(|hit| hit.title.as_str()).collect();
    assert_eq!(titles, ["在春耕会议上的讲话", "在座谈会上的讲话"]);
}

#[tokio::test]
async fn hits_can_be_filtered_and_sorted() {
    let world = World::start().await;
    let speeches: Vec<_> = [("甲", 30_u64), ("乙", 10), ("丙", 20)]
        .into_iter()
        .map(|(name, views)| {
            changed(&speech(name, "农业"), |upsert| {
                upsert.speech.views = Some(views);
                upsert.speech.speaker = Some(name.to_owned());
            })
        })
        .collect();
    settle(&world, &world.indexer(), &speeches).await;
    let options = SearchOptions {
        filter: Some("speaker IN [甲, 丙] AND year = 2025 AND partial = false".to_owned()),
        sort: vec!["views:asc".to_owned()],
        ..SearchOptions::default()
    };
    let page = world.searcher().search("", &options).await.unwrap();
    let titles: Vec<&str> = page.hits.iter().map(|hit| hit.title.as_str()).collect();
    assert_eq!(titles, ["丙", "甲"]);
}

#[tokio::test]
async fn a_search_that_fails_says_how_by_its_verdict() {
    let mut world = World::start().await;
    world.indexer().prepare().await.unwrap();
    let searcher = world.searcher();
    searcher.health().await.unwrap();
    assert_eq!(searcher.version().await.unwrap().split('.').count(), 3);
    let bad_filter = SearchOptions {
        filter: Some("no such attribute = 1".to_owned()),
        ..SearchOptions::default()
    };
    let error = searcher.search("农业", &bad_filter).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Stop(Stop::Config), "{error}");
    world.config.meili.meili_key = Some("not-the-key".to_owned().into());
    let options = SearchOptions::default();
    let error = world.searcher().search("农业", &options).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Stop(Stop::Refused), "{error}");
    world.meili.kill().await;
    let error = searcher.search("农业", &options).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Wait, "{error}");
}
