//! `speechmill extract`: pages in, speeches out, no server anywhere.

use std::fmt::Write as _;
use std::process::Stdio;

use base64::Engine;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::lab::{Ended, SPEECHMILL, command, ended, keys};

const REPORT: &str = include_str!("../../../extractor/golden/wenku.example/work-report/page.html");
const LIST: &str = include_str!("../../../extractor/golden/wenku.example/list-page/page.html");
const GBK: &[u8] =
    include_bytes!("../../../extractor/golden/www.qingshi.example/gbk-unlabelled/page.html");
const URL: &str = "https://www.wenku.example/article/detail/3111.html";

async fn jsonl(stdin: &str) -> Ended {
    ended(command(["extract", "--jsonl"]), stdin).await
}

#[tokio::test]
async fn a_saved_page_becomes_a_speech() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), REPORT).unwrap();
    let path = file.path().to_str().unwrap();
    let indented = ended(command(["extract", path, "--url", URL]), "").await;
    assert_eq!(indented.code, Some(0), "{indented:?}");
    let read: Value = serde_json::from_str(&indented.out).unwrap();
    assert_eq!(keys(&read), ["links", "speech", "url"]);
    assert!(
        read["speech"]["title"]
            .as_str()
            .unwrap()
            .contains("述职述廉报告")
    );
    let piped = ended(command(["extract", "-", "--url", URL, "--json"]), REPORT).await;
    assert_eq!(piped.lines(), [read]);
    let list = "https://www.wenku.example/list/1.html";
    let skipped = ended(command(["extract", "-", "--url", list, "--json"]), LIST).await;
    assert_eq!(skipped.code, Some(1), "{skipped:?}");
    assert_eq!(skipped.lines()[0]["skip"], "list_page");
}

#[tokio::test]
async fn an_explanation_shows_each_block_with_its_fate_and_no_colours_in_a_pipe() {
    let arguments = ["extract", "-", "--url", URL, "--explain"];
    let shown = ended(command(arguments), REPORT).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.out.starts_with("first opinion"), "{shown:?}");
    assert!(shown.out.contains("\nspeech 1"), "{shown:?}");
    assert!(
        shown.out.contains("\n+ ") && shown.out.contains("\n- "),
        "{shown:?}"
    );
    assert!(!shown.out.contains('\u{1b}'), "{shown:?}");
    let arguments = ["extract", "-", "--url", URL, "--explain", "--json"];
    let explained = &ended(command(arguments), REPORT).await.lines()[0];
    let blocks = explained["blocks"].as_array().unwrap();
    assert!(blocks.iter().any(|block| block["speech"] == 1));
    assert!(
        blocks
            .iter()
            .all(|block| block["speech"].is_null() != block["rule"].is_null())
    );
}

#[tokio::test]
async fn a_page_with_several_speeches_has_them_all_and_its_text_as_one() {
    const PAGE: &str =
        include_str!("../../../extractor/golden/www.fanwen-bao.example/collection-pian/page.html");
    let answer = &jsonl(&json!({"url": URL, "html": PAGE}).to_string())
        .await
        .lines()[0];
    let speeches = answer["speeches"].as_array().unwrap();
    assert_eq!(speeches.len(), 3);
    let whole = answer["speech"]["text"].as_str().unwrap();
    for speech in speeches {
        assert!(whole.contains(speech["text"].as_str().unwrap()));
        assert_ne!(speech["speech_id"], answer["speech"]["speech_id"]);
    }
}

#[tokio::test]
async fn every_line_has_its_answer_in_one_of_three_forms() {
    let gbk = base64::engine::general_purpose::STANDARD.encode(GBK);
    let qingshi = "http://www.qingshi.example/art/2024/3/6/art_12_5531.html";
    let lines = [
        json!({"url": URL, "html": REPORT, "id": 7, "unknown": {"a": []}}),
        json!({"url": "https://www.wenku.example/list/1.html", "html": LIST}),
        json!({"url": qingshi, "html_base64": gbk, "content_type": "text/html"}),
        json!({"url": "nonsense", "html": REPORT}),
        json!({"url": URL}),
        json!({"url": URL, "html_base64": "%%%"}),
        json!({"url": URL, "html": REPORT, "html_base64": gbk}),
        json!({"html": REPORT}),
        json!({"url": "HTTPS://www.wenku.example/article/detail/3111.html#top", "html": REPORT}),
    ];
    let mut text = lines.map(|line| line.to_string()).join("\n");
    text.push_str("\n\n{not json\n");
    let ended = jsonl(&text).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.err, "");
    let answers = ended.lines();
    assert_eq!(answers.len(), 10);
    assert_eq!(keys(&answers[0]), ["links", "speech", "url"]);
    assert_eq!(keys(&answers[1]), ["links", "skip", "url"]);
    assert_eq!(answers[1]["skip"], "list_page");
    let text = answers[2]["speech"]["text"].as_str().unwrap();
    assert!(
        text.contains("茶文化节") && !text.contains('\u{fffd}'),
        "{text}"
    );
    for (number, code) in [
        (3, "malformed_url"),
        (4, "undecodable"),
        (5, "undecodable"),
        (6, "undecodable"),
        (7, "undecodable"),
        (9, "undecodable"),
    ] {
        assert_eq!(keys(&answers[number]), ["error", "url"]);
        assert_eq!(keys(&answers[number]["error"]), ["code", "message"]);
        assert_eq!(
            answers[number]["error"]["code"], code,
            "{}",
            answers[number]
        );
    }
    assert_eq!(answers[3]["url"], "nonsense");
    assert_eq!(
        answers[8]["url"],
        "HTTPS://www.wenku.example/article/detail/3111.html#top"
    );
}

#[tokio::test]
async fn thousands_of_answers_come_in_the_order_of_their_lines() {
    let mut text = String::new();
    for number in 0..4_000 {
        let html = if number % 7 == 0 {
            REPORT
        } else {
            "<p>空</p>"
        };
        let url = format!("https://www.example.com/{number}.html");
        let _ = writeln!(text, "{}", json!({"url": url, "html": html}));
    }
    let answers = jsonl(&text).await.lines();
    assert_eq!(answers.len(), 4_000);
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(
            answer["url"],
            format!("https://www.example.com/{number}.html")
        );
        assert_eq!(answer.get("speech").is_some(), number % 7 == 0, "{answer}");
    }
}

#[tokio::test]
async fn what_pages_have_in_common_is_learned_from_all_of_them_in_whatever_order() {
    let note = "本库有了手机版，同样的讲话，同样的目录，请告诉身边的朋友。";
    let page = |number: usize| {
        let paragraph = format!(
            "<p>第{number}件事，各单位要放在心上，列出清单，明确责任，按月通报，不让问题过夜，不让群众多跑路。</p>"
        );
        let html = format!(
            "<h1>第{number}次会议上的讲话</h1><div>{paragraph}<p>{note}</p>{paragraph}</div>"
        );
        json!({"url": format!("https://www.example.com/{number}.html"), "html": html}).to_string()
    };
    let lines: Vec<String> = (0..30).map(page).collect();
    let learned = async |lines: Vec<&str>| {
        let command = command(["extract", "--jsonl", "--learn"]);
        let ended = ended(command, &lines.join("\n")).await;
        assert_eq!((ended.code, &*ended.err), (Some(0), ""));
        let mut answers = ended.lines();
        answers.sort_by_key(|answer| answer["url"].to_string());
        answers
    };
    let answers = learned(lines.iter().map(String::as_str).collect()).await;
    assert_eq!(answers.len(), 30);
    for answer in &answers {
        let text = answer["speech"]["text"].as_str().unwrap();
        assert!(text.contains("件事") && !text.contains(note), "{text}");
    }
    let shuffled = (0..30).map(|n| &*lines[n * 7 % 30]).collect();
    assert_eq!(learned(shuffled).await, answers);
    let plain = jsonl(&lines.join("\n")).await.lines();
    let text = plain[0]["speech"]["text"].as_str().unwrap();
    assert!(text.contains(note));
}

#[tokio::test]
async fn nothing_on_standard_input_is_said() {
    for stdin in ["", "\n \n"] {
        jsonl(stdin).await.only_says(64, &["holds no page"]);
    }
}

#[tokio::test]
async fn whoever_sends_a_line_and_waits_gets_its_answer() {
    let mut child = tokio::process::Command::new(SPEECHMILL)
        .args(["extract", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for number in 0..3 {
        let url = format!("https://www.example.com/{number}.html");
        let line = format!("{}\n", json!({"url": url, "html": REPORT}));
        input.write_all(line.as_bytes()).await.unwrap();
        let answer: Value =
            serde_json::from_str(&answers.next_line().await.unwrap().unwrap()).unwrap();
        assert_eq!(answer["url"], url);
    }
    drop(input);
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn whoever_has_read_enough_may_leave() {
    let script = "\"$0\" extract --jsonl | head -n 1";
    let options =
        testkit::RoleOptions::new("/bin/bash", ["-o", "pipefail", "-c", script, SPEECHMILL]);
    let line = json!({"url": URL, "html": REPORT}).to_string();
    let text = vec![line; 500].join("\n");
    let ended = ended(options, &text).await;
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
    assert_eq!(ended.lines().len(), 1);
}
