//! Pages of one host, their traits, and what becomes of their texts.

use messages::{CanonicalUrl, Speech};
use sites::Sites;

use super::{HostMemory, MAX_BLOCKS, Traits, most_frequent};
use crate::{PageView, Skip, extract};

const NOTE: &str = "本站开通了公众号，欢迎关注，每天为您送上新的讲话。";

fn with_page<T>(number: usize, html: &str, look: impl FnOnce(&PageView<'_>) -> T) -> T {
    let url: CanonicalUrl = format!("https://wenku.example/{number}.html")
        .parse()
        .unwrap();
    look(&PageView {
        url: &url,
        final_url: &url,
        content_type: Some("text/html; charset=utf-8"),
        robots_tags: &[],
        agent: "speechmill",
        body: html.as_bytes(),
        parts: &[],
        lost_part: None,
    })
}

/// A speech with the site's own line between its paragraphs and common phrases around them.
fn page(number: usize, title: &str) -> String {
    let paragraph = |n| {
        format!(
            "<p>第{n}件事出在{number}号乡镇，各单位要把它放在心上，列出清单，明确责任，按月通报，不让问题过夜。</p>"
        )
    };
    format!(
        "<title>{title}</title><h1>{title}</h1><div><p>同志们：</p>{}<p>{NOTE}</p>\
         <p>一、提高认识</p>{}<p>谢谢大家！</p></div>",
        paragraph(1),
        paragraph(2)
    )
}

fn traits(number: usize, html: &str) -> Traits {
    with_page(number, html, |page| Traits::of(page, &Sites::builtin())).unwrap()
}

fn speech(memory: &HostMemory, html: &str) -> Speech {
    let found = with_page(99, html, |page| extract(page, &Sites::builtin(), memory));
    found.unwrap().speeches.remove(0)
}

fn numbered(number: usize) -> String {
    page(number, "在全县教育工作会议上的讲话")
}

#[test]
fn a_line_of_the_site_leaves_the_text_and_phrases_of_speeches_stay() {
    let pages: Vec<Traits> = (0..5).map(|n| traits(n, &numbered(n))).collect();
    let memory = HostMemory::freeze(1, &pages);
    let before = speech(&HostMemory::empty(), &numbered(7));
    assert!(before.text.contains(NOTE));
    let after = speech(&memory, &numbered(7));
    assert_eq!(after.text, before.text.replace(&format!("{NOTE}\n"), ""));
    let rules = after.removed.iter().filter(|it| it.rule == "boilerplate");
    assert_eq!(rules.map(|it| &*it.text).collect::<Vec<_>>(), [NOTE]);
    for phrase in ["同志们：", "一、提高认识", "谢谢大家！"] {
        assert!(after.text.contains(phrase), "{phrase}");
    }
}

#[test]
fn copies_of_one_speech_do_not_erase_each_other() {
    let pages: Vec<Traits> = (0..5).map(|n| traits(n, &numbered(1))).collect();
    let memory = HostMemory::freeze(1, &pages);
    assert!(memory.is_empty());
    // Nor does a copy that goes on.
    let longer = numbered(1).replace(
        "<p>谢谢",
        "<p>第三，要抓好落实，做好结合，见到成效。</p><p>谢谢",
    );
    let memory = HostMemory::freeze(1, &[traits(1, &numbered(1)), traits(2, &longer)]);
    assert!(memory.is_empty());
}

#[test]
fn a_page_has_nothing_against_itself_nor_has_one_other_among_many() {
    let memory = HostMemory::freeze(1, &[traits(1, &numbered(1))]);
    assert!(!memory.knows(NOTE));
    let plain = |n| numbered(n).replace(NOTE, "这一页没有那一行，只有这一行，编号不同。");
    let mut pages: Vec<Traits> = (2..20).map(|n| traits(n, &plain(n))).collect();
    pages.extend([0, 1].map(|n| traits(n, &numbered(n))));
    let memory = HostMemory::freeze(1, &pages);
    assert!(!memory.knows(NOTE), "two of twenty");
    assert!(memory.knows("这一页没有那一行，只有这一行，编号不同。"));
}

#[test]
fn a_long_paragraph_is_never_the_sites_own_and_a_long_notice_is() {
    let long = "这一段话说得很长，".repeat(16);
    let notice = format!(
        "版权声明：{}",
        "凡本网注明来源的作品，版权均属本网，".repeat(8)
    );
    let html = |n| {
        let more = format!("<p>{long}</p><p>{notice}</p><p>谢谢");
        numbered(n).replace("<p>谢谢", &more)
    };
    let pages: Vec<Traits> = (0..5)
        .map(|n| traits(n, &html(n).replace("第1件", "第一件")))
        .collect();
    let memory = HostMemory::freeze(1, &pages);
    assert!(!memory.knows(&long));
    assert!(!speech(&memory, &html(7)).text.contains("版权均属本网"));
}

#[test]
fn a_tail_that_three_titles_share_is_the_sites_and_one_that_is_a_kind_is_not() {
    let titled = |n: usize, tail: &str| {
        let topic = ["教育", "农业", "安全", "水利"][n];
        page(n, &format!("牢记使命抓{topic}{tail}"))
    };
    let learned = |tail: &str, num| {
        let pages: Vec<Traits> = (0..num).map(|n| traits(n, &titled(n, tail))).collect();
        let memory = HostMemory::freeze(1, &pages);
        speech(&memory, &titled(3, tail)).title
    };
    let tail = " | 青石掌上通 | 每日更新";
    assert_eq!(learned(tail, 3), "牢记使命抓水利");
    assert_ne!(learned(tail, 2), "牢记使命抓水利");
    let kind = "——在全县大会上的讲话";
    assert_eq!(learned(kind, 3), format!("牢记使命抓水利{kind}"));
}

#[test]
fn what_is_left_of_a_text_decides_only_whether_there_is_one() {
    let box_ = "<form><input type=password></form>";
    let short = |n: usize| {
        format!(
            "<title>在县里的讲话</title>{box_}<div><p>{n}号村的干部群众，要把今年的工作做好，做细，做实，\
             不等不靠，说干就干，干就干好，不负众望，不辱使命。</p>{}</div>",
            format!("<p>{NOTE}</p><p>各地来稿，请寄编辑部，一经采用，即付稿酬，长期有效。</p>")
                .repeat(2)
        )
    };
    let other = |n: usize| {
        let lines = format!(
            "<p>{NOTE}</p><p>各地来稿，请寄编辑部，一经采用，即付稿酬，长期有效。</p><p>谢谢"
        );
        numbered(n).replace("<p>谢谢", &lines)
    };
    let pages: Vec<Traits> = (0..5).map(|n| traits(n, &other(n))).collect();
    let memory = HostMemory::freeze(1, &pages);
    let text = speech(&memory, &short(7)).text;
    assert!(
        text.starts_with("7号村") && !text.contains("来稿"),
        "{text}"
    );
    let nothing = format!("<title>讲话</title><div><p>{NOTE}</p><p>{NOTE}</p></div>");
    let found = with_page(1, &nothing, |page| {
        extract(page, &Sites::builtin(), &memory)
    });
    assert_eq!(found.unwrap().skip, Some(Skip::NoMainText));
}

#[test]
fn the_order_of_the_pages_decides_nothing_and_the_most_frequent_are_kept() {
    let mut pages: Vec<Traits> = (0..9).map(|n| traits(n, &numbered(n / 2))).collect();
    let memory = HostMemory::freeze(1, &pages);
    pages.reverse();
    pages.swap(1, 5);
    assert_eq!(HostMemory::freeze(1, &pages), memory);

    let most = u64::try_from(MAX_BLOCKS).unwrap();
    let mut seen: Vec<(u64, usize)> = (0..=most).flat_map(|hash| [(hash, 1), (hash, 2)]).collect();
    seen.push((most, 3));
    let kept = most_frequent(seen, 2, MAX_BLOCKS);
    assert_eq!(kept.len(), MAX_BLOCKS);
    assert!(kept.contains(&most) && kept.contains(&0) && !kept.contains(&(most - 1)));
}

#[test]
fn a_memory_survives_its_record() {
    let pages: Vec<Traits> = (0..5)
        .map(|n| traits(n, &page(n, "在县里的讲话 | 掌上通")))
        .collect();
    let memory = HostMemory::freeze(2, &pages);
    let (blocks, tails) = memory.to_hashes();
    assert!(!blocks.is_empty() && !tails.is_empty());
    assert_eq!(HostMemory::of_hashes(2, &blocks, &tails), memory);
}
