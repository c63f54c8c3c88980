//! One example of each message, with every field filled. The speech is our own words, its people
//! and places are invented.

use messages::{
    Completeness, CompletenessState, ContentHash, CrawlRequest, DateFrom, DeadLetterHeaders,
    Derived, Fingerprints, Kind, Method, Page, PagePart, Placeholders, Removed, Response, Script,
    Section, Speech, SpeechId, UrlId, Version, Why,
};
use serde_json::json;
use time::macros::{date, datetime};

pub(crate) const DETAIL: &str =
    "https://www.qinglan.example/index/article/detail/detail_id/1001.html";
pub(crate) const PART: &str =
    "https://www.qinglan.example/index/article/detail/detail_id/1001_2.html";
pub(crate) const LIST: &str = "https://www.qinglan.example/index/article/lists/cate_id/3.html";

/// What [`page_response`] carries, and the same compressed once: another release of zstd may
/// compress it in another way, which is no change of the contract.
pub(crate) const BODY: &str = "<h1>在全县河湖长制工作会议上的讲话</h1>\n<p>同志们：</p>\n";
pub(crate) const BODY_ZSTD_BASE64: &str = "KLUv/SBLWQIAPGgxPuWcqOWFqOWOv+ays+a5lumVv+WItuW3peS9nOS8muiuruS4iueahOiusuivnTwvaDE+CjxwPuWQjOW/l+S7rO+8mjwvcD4K";

pub(crate) fn version() -> Version {
    Version {
        fetched_at: datetime!(2026-03-02 08:30:00.125 UTC),
        page_sequence: 4711,
        extractor: 1,
        memory: 20,
    }
}

pub(crate) fn crawl_request() -> CrawlRequest {
    CrawlRequest {
        url: DETAIL.parse().unwrap(),
        why: Why::Submitted,
        depth: 1,
        attempt: 2,
        every: Some("7d".parse().unwrap()),
        refetch: true,
    }
}

pub(crate) fn page_response() -> Page {
    Page::Response(Response {
        url: DETAIL.parse().unwrap(),
        final_url: DETAIL.parse().unwrap(),
        status: 200,
        content_type: Some("text/html; charset=utf-8".to_owned()),
        robots_tags: vec!["noarchive".to_owned(), "otherbot: noindex".to_owned()],
        agent: Some("ourbot".into()),
        fetched_at: datetime!(2026-03-02 08:30:00.125 UTC),
        depth: 1,
        content_hash: ContentHash::of(BODY.as_bytes()),
        body: serde_json::from_value(json!(BODY_ZSTD_BASE64)).unwrap(),
        parts: vec![PagePart {
            url: PART.parse().unwrap(),
            content_type: None,
            content_hash: ContentHash::of(BODY.as_bytes()),
            body: serde_json::from_value(json!(BODY_ZSTD_BASE64)).unwrap(),
        }],
        lost_part: Some("http_500".to_owned()),
    })
}

pub(crate) fn speech() -> Speech {
    let paragraphs = [
        "同志们：",
        "河湖长制推行三年来，青岚县的水清了，岸绿了，但反复的苗头也有。今天把大家请来，我讲两点意见。",
        "一、把责任落到河段",
        "每条河都要有人管，每个人都要管得住。",
        "二、把办法用在平时",
        "巡河不是打卡，发现问题要当天上报、三天回复。",
        "谢谢大家！",
    ];
    let section = |number: &str, heading: &str, paragraph| Section {
        level: 1,
        number: number.to_owned(),
        heading: heading.to_owned(),
        paragraph,
    };
    Speech {
        speech_id: SpeechId::of(&DETAIL.parse().unwrap()),
        url: DETAIL.parse().unwrap(),
        site: "www.qinglan.example".to_owned(),
        site_name: Some("青岚文库".to_owned()),
        source_id: Some("1001".to_owned()),
        title: "在全县河湖长制工作会议上的讲话".to_owned(),
        title_raw: "20251210:在全县河湖长制工作会议上的讲话".to_owned(),
        kind: Kind("讲话".to_owned()),
        occasion: Some("全县河湖长制工作会议".to_owned()),
        speaker: Some("沈牧之".to_owned()),
        speaker_role: Some("县长".to_owned()),
        delivered_on: Some(date!(2025 - 12 - 10)),
        title_date: Some(date!(2025 - 12 - 10)),
        published_at: Some(datetime!(2026-01-05 09:12:33 +8)),
        date: Some(date!(2025 - 12 - 10)),
        date_from: Some(DateFrom::Body),
        views: Some(128),
        author: Some("县政府办公室".to_owned()),
        source: Some("青岚县融媒体中心".to_owned()),
        text: paragraphs.join("\n"),
        salutation: Some("同志们：".to_owned()),
        closing: Some("谢谢大家！".to_owned()),
        sections: vec![
            section("一", "把责任落到河段", 2),
            section("二", "把办法用在平时", 4),
        ],
        completeness: Completeness {
            state: CompletenessState::Full,
            announced_sections: Some(2),
            found_sections: 2,
            shown_chars: Some(113),
            total_chars: Some(113),
            evidence: vec!["closing".to_owned()],
        },
        placeholders: Placeholders {
            count: 0,
            per_1000: 0.0,
        },
        num_chars: 113,
        num_han: 98,
        script: Script::Hans,
        fingerprints: Fingerprints {
            text_sha256: "f8f06e3a2dd76115c1376f3fd00ba30e84155f412d50f64feedb6a17a6d95603"
                .to_owned(),
            simhash64: "9f3c1a5b77e0d248".to_owned(),
        },
        profile: Some("qinglan".to_owned()),
        method: Method::Profile,
        confidence: 0.97,
        flags: vec!["short".to_owned()],
        removed: vec![Removed {
            rule: "share".to_owned(),
            text: "微信扫一扫在手机阅读".to_owned(),
        }],
    }
}

/// Of [`speech`]; the crate `words` holds that it is.
pub(crate) fn derived() -> Derived {
    Derived {
        revision: 1,
        search_title: "工作 在 全 县 河 湖 长 制 工 作 会 议 上 的 讲 话 把 责 任 落 到 段 办 法 用 平 时".to_owned(),
        search_words: String::new(),
        search_pinyin: "quanxian huzhangzhi gongzuohui jianghua zeren luodao heduan banfa pingshi gongzuo zai quan xian he hu zhang zhi gong zuo hui yi shang de jiang hua ba ze ren luo dao duan ban fa yong ping shi dajia".to_owned(),
        sketch: "ATEVCgEAAAAAAjCVeAQL3XoHGAurB+Nk5BYO7JcdJt2CHZFOvh33BgYg2MPdIyeOsycNFGosbK4LMiUDdTwxLIc+HK67QO8zb0G/3zpLbFDuWBoQSFmDhLhcTxNkXTbtDF38Cbl3LHBYeQF3g4dnL7eKkuFjjxkaMJQ5WjuXo+zVoIH3c6nFIKmthp0Grzu4rbB4OWO1gTzWu/FZ48KjlonI/e5iz79AedS4BZTWMZ1D4Y/HH+UwYhvoQys19bAmWvi5OxL5b5Io+hdQaQ".to_owned(),
    }
}

pub(crate) fn dead_letter_headers() -> DeadLetterHeaders {
    DeadLetterHeaders {
        stage: "extractor".to_owned(),
        code: "not_html".to_owned(),
        error: "the page is application/pdf: only HTML can be read".to_owned(),
        attempts: 1,
        time: datetime!(2026-03-02 08:30:01.5 UTC),
        url: Some(DETAIL.to_owned()),
        stream: "PAGES".to_owned(),
        subject: Page::subject_of(&url_id()),
        sequence: 4711,
        replays: 1,
    }
}

pub(crate) fn url_id() -> UrlId {
    UrlId::of(&DETAIL.parse().unwrap())
}
