//! Lines that are no part of a speech, by stable rule codes.
//!
//! Whole lines only, never inside a long one. A rule is a list of openings: what a line begins with.

use std::sync::LazyLock;

use regex::Regex;

use crate::normalise::{is_mark, num_chars};
use crate::{script, walls};

/// Lines longer than this are prose, whatever they begin with.
const LONGEST: usize = 120;

/// A notice of copyright may be longer.
const LONGEST_NOTICE: usize = 400;

static NOTICE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^[【\[（(*※①②③1-3、.•·●\s]*(?:版权声明|免责声明|.{0,12}版权与免责声明|凡(?:本网|本站|注明|来源)|本[网站](?:凡|未)?注明)",
    )
    .expect("a valid pattern")
});

/// The rule codes, in the order in which they are tried, with their patterns.
const RULES: [(&str, &str); 10] = [
    // A date with its time of day, alone or before other data of the web page.
    (
        "meta",
        r"^(?:19|20)\d{2}[-/.年]\d{1,2}[-/.月]\d{1,2}日?\s{0,3}\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?:$|\s.{0,80}(?:来源|作者|编辑|浏览|点击|阅读|评论|参与|字号|字体|大小).{0,80}$)",
    ),
    (
        "breadcrumb",
        r"^[【\[]?(?:您?(?:现在|当前|目前)?的?所?在?位置|你的位置)(?:是)?\s*[:：>].{0,100}$",
    ),
    (
        "comments",
        r"^(?:[（(]?\d+[)）]?人(?:参与|评论|跟帖)|有\d+人参与|已有\d+[人条]|.{0,6}人已评|请您?对.{0,8}评分|跟[帖贴]|盖楼|我来说两句|文明上网|网友.{0,4}评论|[（(]?请?登[录陆].{0,4}(?:评论|发言|留言)|全部评论|最新评论|热门评论|发表.{0,4}评论|[查评]看?.{0,3}评论).{0,60}$",
    ),
    (
        "meta",
        r"^[【\[（(]?(?:责任?编辑|责编|编辑|作者|来源|本文来源|稿源|信息来源|文章来源|时间|日期|发布时间|发布日期|更新时间|录入时间|编辑时间|浏览次数|浏览量|浏览|点击次数|点击数|点击|阅读次数|阅读量|阅读|访问量|字号|字体|字体大小|大小|调整字体|标签|关键词|关键字|栏目|分类|所属栏目|所属分类|发布人|发布者|录入|审核|编审|校对|字数)\s*[】\])）]?\s*[:：/／】].{0,100}$",
    ),
    (
        "meta",
        r"^[【\[（(]?(?:责任?编辑|编辑|作者|来源|稿源|时间|日期|发布时间|浏览次数|点击次数|阅读次数|字号|字体|打印|关闭|关键词|标签|纠错)[:：】\]）)]?.{0,60}$",
    ),
    (
        "prev_next",
        r"^[【\[（(]?(?:上一篇|下一篇|上一页|下一页|上一条|下一条|上篇|下篇|前一篇|后一篇|返回列表|返回首页|返回顶部|首页|尾页)(?:[:：】\]）)\s]|$).{0,100}$",
    ),
    (
        "related",
        r"^[【《].{2,60}[】》]\s?(?:的?相关|相关)(?:文章|内容|阅读|推荐)[:：]?$|^[【\[（(◆■▪●·\s]*(?:相关阅读|相关新闻|相关文章|相关链接|相关内容|相关推荐|没有相关新闻|相关专题|相关报道|相关搜索|延伸阅读|推荐阅读|热门推荐|热门文章|热门搜索|猜你喜欢|本周热门|本月热门|最新文章|最新更新|精彩推荐|为您推荐|大家都在看|网友评论|我要评论|发表评论|查看评论|更多精彩|更多文章|更多新闻|点击排行|阅读排行|热点新闻|热点推荐)(?:[:：】\]）)\s>》]|$).{0,60}$",
    ),
    (
        "share",
        r"^(?:长按.{0,10}(?:二维码|关注|识别)|赞\s?[（(]?\d*[)）]?\s?(?:收藏|分享|踩)|微信扫一扫|扫一扫|分享到?[:：\s]?|分享给好友|分享按钮|收藏本[文页站]|收藏|加入收藏|打印本[文页]|打印|关闭窗口|关闭本页|联系客服|微信订阅号|微信公众号|关注微信|二维码|扫码关注|扫描二维码|手机阅读|复制链接|点赞|举报|回到顶部|我要纠错|保存到?桌面).{0,60}$",
    ),
    (
        "copyright",
        r"^[【\[（(*※①②③1-3、.\s]*(?:.{0,20}版权与免责声明|.{0,24}未经.{0,6}(?:授权|许可|允许)[，,]?.{0,6}(?:不得|禁止|严禁|请勿)|版权声明|免责声明|声明[:：]|[•·●*※\s]*凡(?:本网|本站|注明|是注明|来源|转载)|特别声明|郑重声明|本站声明|网站声明|未经.{0,10}授权|未经.{0,10}许可|转载请注明|版权所有|版权归|本文仅代表|以上.{0,6}仅代表|.{0,8}(?:不得转载|严禁转载)|.{0,6}ICP备|Copyright|copyright).{0,110}$",
    ),
    (
        "promotion",
        r"^(?:.{0,60}小编.{0,8}(?:整理|[收搜]集|分享|带来|推荐|精心|准备)|.{0,50}欢迎(?:大家)?(?:阅读|借鉴|点赞)|[-—–\s]+END[-—–\s]+$|以上(?:就是|是)小编|小编为大家|小编整理|本文由.{0,10}整理|欢迎阅读|更多.{0,12}范文|.{0,10}范文大全|.{0,12}精选\d*篇$|第\d+页[，,\s]*共\d+页|共\d+页|关于本文$|本文标题[:：]|链接地址[:：]|本文链接[:：]|本文地址[:：]|原文链接[:：]|文档下载|下载文档|点击下载|下载本文|本文下载|附件下载).{0,110}$",
    ),
];

static COMPILED: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let compile = |(code, pattern): &(&'static str, &str)| {
        (*code, Regex::new(pattern).expect("a valid pattern"))
    };
    RULES.iter().map(compile).collect()
});

/// Any of the rules, or a little more: most lines fall under none, and are looked at once. An automaton
/// that counted what may stand between the words would have too many states to be kept.
static NEARLY: LazyLock<Regex> = LazyLock::new(|| {
    let gap = Regex::new(r"\.\{\d+,\d+\}").expect("a valid pattern");
    let patterns = RULES.map(|(_, pattern)| format!("(?:{})", gap.replace_all(pattern, ".*")));
    Regex::new(&patterns.join("|")).expect("valid patterns")
});

/// The rule by which a line is dropped, if any.
pub(crate) fn drops(line: &str) -> Option<&'static str> {
    rule_of(line).filter(|rule| is_sure(rule, line))
}

/// Whether a line is dropped by the rule that it falls under. With two marks of prose it is kept, unless
/// no speech falls under the rule.
pub(crate) fn is_sure(rule: &str, line: &str) -> bool {
    let marks = line.chars().filter(|&c| is_mark(c) || c == '、');
    marks.count() < 2 || matches!(rule, "copyright" | "promotion" | "wall")
}

/// The rule that a line falls under, if any.
pub(crate) fn rule_of(line: &str) -> Option<&'static str> {
    let length = num_chars(line);
    if length > LONGEST {
        let notice = length <= LONGEST_NOTICE && NOTICE.is_match(&script::simplified(line));
        return notice.then_some("copyright");
    }
    let line = &*script::simplified(line);
    if walls::mark_of(line).is_some() {
        return Some("wall");
    }
    if !NEARLY.is_match(line) {
        return None;
    }
    let found = COMPILED.iter().find(|(_, pattern)| pattern.is_match(line));
    found.map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_code() {
        for (line, rule) in [
            ("发布时间：2024-02-08 19:40", Some("meta")),
            ("责任编辑：李四", Some("meta")),
            ("上一篇：在全县教育大会上的讲话", Some("prev_next")),
            ("相关内容", Some("related")),
            ("微信扫一扫在手机阅读、分享本文", Some("share")),
            ("版权声明：本站文章归作者所有", Some("copyright")),
            ("本文标题:在全县教育大会上的讲话", Some("promotion")),
            ("联系客服", Some("share")),
            ("(责编：韩渡、陶然)", Some("meta")),
            ("【教师节演讲稿】相关文章：", Some("related")),
            (
                "以下是小编为大家整理的演讲稿，欢迎阅读，希望大家喜欢。",
                Some("promotion"),
            ),
            ("— END —", Some("promotion")),
            ("一、提高认识，加强领导", None),
            ("同志们：", None),
            ("首先，我代表县委讲三点意见", None),
        ] {
            assert_eq!(rule_of(line), rule, "{line}");
        }
    }

    #[test]
    fn a_long_line_is_prose_whatever_it_begins_with() {
        let long = format!("来源{}", "于基层的做法值得推广，".repeat(20));
        assert_eq!(rule_of(&long), None);
    }
}
