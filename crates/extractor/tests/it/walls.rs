//! Walls and what looks like one: what a careful reader says of each golden page of the sites
//! `walls.*`, written down before it was extracted. Whole pages in, completeness out.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// A page: its folder, the state, headings announced and found, characters shown and in all as the page
/// states them, and the last words of what it shows of the speech.
type Page = (
    &'static str,
    &'static str,
    Option<u32>,
    u32,
    Option<u32>,
    Option<u32>,
    &'static str,
);

#[rustfmt::skip]
const PAGES: [Page; 44] = [
    ("tingyu-wenku/login-for-the-rest", "login_wall", Some(4), 2, None, None, "二、再把牌子立起来"),
    ("tingyu-wenku/after-signing-in", "login_wall", None, 0, None, None, "己决定，老师们不要因为人少就"),
    ("wendao-blog/members-only", "login_wall", None, 0, None, None, "但每一本都在某个时候帮过我。"),
    ("yingshan-m/sign-up-to-go-on", "login_wall", None, 0, None, None, "绕一绕，我先给大家赔个不是。"),
    ("zhigao-doc/scan-to-sign-in", "login_wall", Some(3), 2, None, None, "电机每周空转一次，油要加满，"),
    ("wendao-blog/follow-for-the-rest", "login_wall", None, 0, None, None, "河边走走，也可以什么都不做。"),
    ("zhigao-doc/buy-to-download", "login_wall", None, 2, None, None, "起初不服，请来检测站复测后才"),
    ("lanting-bbs/reply-to-see", "login_wall", None, 0, None, None, "旧巷，我到现在还能背下开头。"),
    ("wendao-blog/traditional-sign-in", "login_wall", None, 0, None, None, "退休的老師來給孩子們講故事。"),
    ("zhigao-doc/shown-of-all", "teaser", None, 2, Some(309), Some(3280), "，报价两万六，谁来出这笔钱，"),
    ("tingyu-wenku/share-unread", "teaser", None, 0, None, Some(1860), "服务队得钱，荒草变成了稻子。"),
    ("yingshan-m/percent-left", "teaser", None, 0, None, None, "别人的车吹倒了，是不是分内？"),
    ("wendao-blog/sample-is-over", "teaser", None, 0, None, None, "虫子最喜欢的是角落里的碎粮，"),
    ("zhigao-doc/preview-of-all", "teaser", None, 2, Some(301), Some(3120), "只有六名持证会计；三是年轻人"),
    ("wendao-blog/words-left", "teaser", None, 0, Some(310), Some(1290), "头，也追回了我留下来的理由。"),
    ("tingyu-wenku/total-above-only", "teaser", None, 0, None, Some(2950), "，差的就是肯不肯往工地上站。"),
    ("zhigao-doc/read-so-far", "teaser", None, 0, None, None, "转机是从一所小学开始的。"),
    ("zhigao-doc/pages-left", "teaser", None, 0, None, None, "之内能不能把他的材料找出来。"),
    ("luoxi-zf/ends-on-a-heading", "truncated", None, 2, None, None, "二、管好身边这些人"),
    ("lanting-bbs/ends-on-a-comma", "truncated", None, 0, None, None, "，还要蹲在旁边听上半个钟头，"),
    ("luoxi-zf/ends-within-a-word", "truncated", None, 0, None, None, "人服的，由镇里统一培训以后再"),
    ("tingyu-wenku/two-of-three", "truncated", Some(3), 2, None, None, "榜，只要群众认，就是好办法。"),
    ("yingshan-m/ellipsis-and-more", "truncated", None, 0, None, None, "名字叫《树叶》，里面写着……"),
    ("wendao-blog/chapter-not-over", "truncated", None, 0, None, None, "的是什么，才能把劲往一处使。"),
    ("luoxi-zf/lost-second-page", "truncated", None, 1, None, None, "一条丢了，哪一件事就办不顺。"),
    ("luoxi-zf/lost-third-page", "truncated", None, 2, None, None, "险的五处，入冬之前一定完工。"),
    ("luoxi-zf/ends-on-a-second-level", "truncated", Some(3), 2, None, None, "（一）抓好重点税源"),
    ("yingshan-m/button-that-hides-nothing", "full", None, 0, None, None, "谢谢大家！"),
    ("luoxi-zf/signed-and-a-button", "full", None, 0, None, None, "2023年10月8日"),
    ("lanting-bbs/sign-in-to-reply", "full", None, 0, None, None, "散会，回去路上慢点。"),
    ("zhigao-doc/download-of-the-whole", "full", None, 0, None, None, "，祝各位身体健康、五谷丰登！"),
    ("tingyu-wenku/members-in-the-text", "full", None, 0, None, None, "意兴隆、身体健康！谢谢大家！"),
    ("zhigao-doc/announced-points-all-there", "full", Some(2), 2, None, None, "位，由县政府督查室逐车核对。"),
    ("wendao-blog/signing-in-within-the-text", "full", None, 0, None, None, "后留下来再练一练，谢谢大家！"),
    ("wendao-blog/list-with-read-all", "full", None, 0, None, None, "一路平安！"),
    ("zhuxi-xuexiao/sign-in-beside-the-text", "full", None, 0, None, None, "预祝运动会圆满成功！"),
    ("wendao-blog/count-of-the-whole-text", "full", None, 0, None, Some(293), "不好，多多包涵，谢谢邻居们！"),
    ("yingshan-m/promotion-of-an-account", "full", None, 0, None, None, "出发！"),
    ("yingshan-m/news-with-comment-box", "full", None, 0, None, None, "线路，预计明年清明前后开放。"),
    ("tingyu-wenku/sign-in-in-the-menu", "full", Some(3), 3, None, None, "三位同志走好新岗位的第一步。"),
    ("tingyu-wenku/please-sign-in", "login_wall", None, 0, None, None, "，地要铺，拢共要九万多块钱，"),
    ("zhigao-doc/whole-in-a-file", "teaser", None, 2, None, None, "寸一寸找，找到第七天终于发现"),
    ("luoxi-zf/last-point-in-other-words", "full", Some(3), 2, None, None, "事，到时候我们只问他一个人。"),
    ("zhuxi-xuexiao/hidden-login-window", "full", None, 0, None, None, "祝合唱节圆满成功，谢谢大家！"),
];

/// What stands on these pages around the speech, and never within.
const AROUND: [&str; 18] = [
    "剩余内容请登录后查看",
    "登录后查看全文",
    "VIP会员",
    "继续阅读",
    "扫码登录",
    "验证码",
    "购买后可下载",
    "隐藏内容",
    "当前显示",
    "未读",
    "试读",
    "展开全文",
    "查看更多",
    "下载全文",
    "阅读全文",
    "评论",
    "请先登录",
    "完整版",
];

fn expected(folder: &str) -> Value {
    let (site, slug) = folder.split_once('/').unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let case = golden.join(format!("walls.{site}.example")).join(slug);
    let text = fs::read_to_string(case.join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

// That the extractor finds what is expected is asserted with the other golden pages.
#[test]
fn of_each_wall_and_of_what_looks_like_one_a_reader_says_the_same() {
    for (folder, state, announced, found, shown, total, last) in PAGES {
        let page = expected(folder);
        let speeches = page["speeches"].as_array().unwrap();
        assert_eq!(speeches.len(), 1, "{folder}");
        let mut completeness = speeches[0]["completeness"].clone();
        let evidence = completeness.as_object_mut().unwrap().remove("evidence");
        let said = json!({
            "state": state,
            "announced_sections": announced,
            "found_sections": found,
            "shown_chars": shown,
            "total_chars": total,
        });
        assert_eq!(completeness, said, "{folder}: {evidence:?}");
        let text = speeches[0]["text"].as_str().unwrap();
        assert!(text.ends_with(last), "{folder}: {text}");
        for words in AROUND {
            assert!(!text.contains(words), "{folder}: {words}");
        }
    }
}

#[test]
fn there_are_eight_pages_of_each_kind() {
    for kind in ["login_wall", "teaser", "truncated", "full"] {
        let num = PAGES.iter().filter(|page| page.1 == kind).count();
        assert!(num >= 8, "{kind}: {num}");
    }
}
