//! Words that say that more of the text exists than the page shows. A wall is recorded, never passed.

use std::sync::LazyLock;

use regex::Regex;

use crate::script;

/// Characters of a line that holds such words, at most.
const LONGEST: usize = 60;

/// What a mark says of the rest of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wall {
    /// It is behind a login or a payment.
    Login,
    /// It is left out on purpose.
    Teaser,
    /// It is a click away, or was: weak, as many such buttons hide nothing.
    Button,
}

/// Marks in the order in which they are tried; one a line. The first field names the evidence.
const MARKS: [(&str, Wall, &str); 14] = [
    (
        "需要您先登陆",
        Wall::Login,
        r"(?:需要?|请)您?(?:先|首先)?(?:登[陆录]|注册)|您(?:还|尚)?未登[陆录]|先登[陆录]|请.{0,4}登[陆录].{0,4}(?:查看|阅读|浏览)",
    ),
    (
        "登录后查看",
        Wall::Login,
        r"登[陆录]后.{0,4}(?:查看|阅读|浏览|继续|可见|下载)",
    ),
    (
        "会员可见",
        Wall::Login,
        r"(?:会员|VIP|vip)(?:可见|专享|专属|才能|才可|可查看|可阅读|文章)|(?:仅|只)(?:限|对)?(?:会员|VIP|vip)",
    ),
    (
        "开通会员",
        Wall::Login,
        r"(?:开通|成为|升级|购买|加入)(?:会员|VIP|vip)|充值后",
    ),
    (
        "付费阅读",
        Wall::Login,
        r"付费(?:阅读|查看|内容|可见)|支付.{0,6}(?:查看|阅读|下载)|(?:积分|金币|文币)(?:阅读|下载|查看)|购买(?:全文|本文|文档)",
    ),
    (
        "关注后阅读",
        Wall::Login,
        r"关注.{0,10}(?:公众号|微信).{0,10}(?:查看|阅读|解锁|获取).{0,4}(?:全文|剩余|内容)|解锁全文|验证码.{0,10}(?:查看|阅读)",
    ),
    (
        "想阅读完全部",
        Wall::Login,
        r"想(?:要)?(?:阅读|查看|浏览)(?:完)?全(?:部|文)",
    ),
    (
        "试读结束",
        Wall::Teaser,
        r"试读(?:已)?(?:结束|完毕|部分)|免费(?:试读|预览)|预览(?:已)?(?:结束|完毕)",
    ),
    (
        "剩余内容",
        Wall::Teaser,
        r"(?:查看|阅读|还有|显示)?(?:剩余|剩下)(?:全文|内容|部分|的?\d+(?:\.\d+)?\s?[%％页字])|未完待续|(?:以下|余下|后面)内容(?:已)?(?:省略|隐藏)|(?:内容|文章)(?:较|过)长|(?:此处|下文|以下)省略",
    ),
    ("本章未完", Wall::Teaser, r"本[章文篇]未完|点击下一页继续"),
    (
        "下载全文",
        Wall::Teaser,
        r"下载(?:完整|全文|原文|Word|word|DOC|doc|文档)|(?:完整|全文)(?:版)?(?:内容)?(?:请)?(?:点击)?下载",
    ),
    (
        "全文共",
        Wall::Teaser,
        r"(?:全文|文章|本文)共\s?\d+\s?字|当前(?:显示|展示)\s?\d+\s?字",
    ),
    (
        "阅读全文",
        Wall::Button,
        r"^[\s…．.>》【\[（(]*(?:点击)?(?:阅读|查看|浏览)(?:全文|更多|原文|完整)[^，。]{0,8}$",
    ),
    (
        "展开全文",
        Wall::Button,
        r"^[\s…．.>》【\[（(]*(?:点击)?展开(?:全文|阅读|更多|剩余|全部)[^，。]{0,8}$",
    ),
];

static COMPILED: LazyLock<Vec<(&str, Wall, Regex)>> = LazyLock::new(|| {
    let compile = |(name, wall, pattern): &(&'static str, Wall, &str)| {
        (*name, *wall, Regex::new(pattern).expect("a valid pattern"))
    };
    MARKS.iter().map(compile).collect()
});

static OTHER_LOGIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("评论|发言|留言|回复|跟[帖贴]|操作|微博|参与|投票|投稿|发表|点赞")
        .expect("a valid pattern")
});

static TOTAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:全文|文章|本文)共\s?(\d{2,9})\s?字").expect("a valid pattern")
});

static SHOWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:当前|目前|已)?(?:显示|展示|预览)\s?(?:了)?(?:前)?\s?(\d{2,9})\s?字")
        .expect("a valid pattern")
});

/// The mark that a line holds, by its name.
pub(crate) fn mark_of(line: &str) -> Option<(&'static str, Wall)> {
    if line.chars().count() > LONGEST {
        return None;
    }
    let line = &*script::simplified(line);
    // Most pages ask for a login of those who want to comment.
    if OTHER_LOGIN.is_match(line) {
        return None;
    }
    let found = COMPILED
        .iter()
        .find(|(_, _, pattern)| pattern.is_match(line));
    found.map(|(name, wall, _)| (*name, *wall))
}

/// Characters in all, and characters shown, as a line states them.
pub(crate) fn amounts(line: &str) -> (Option<u64>, Option<u64>) {
    if line.chars().count() > LONGEST {
        return (None, None);
    }
    let number = |pattern: &Regex| pattern.captures(line)?[1].parse().ok();
    (number(&TOTAL), number(&SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_has_its_name() {
        for (line, name) in [
            ("阅读全文", Some("阅读全文")),
            ("(想阅读完全部图文内容,您需要先登陆!)", Some("需要您先登陆")),
            ("请登录后查看全部内容", Some("需要您先登陆")),
            ("剩余70%，登录后阅读", Some("登录后查看")),
            ("本文为VIP文章，开通会员即可阅读", Some("会员可见")),
            ("全文共3200字，当前显示800字", Some("全文共")),
            ("还有剩余5页未读", Some("剩余内容")),
            ("……点击展开全文", Some("展开全文")),
            ("要认真阅读全文，领会精神", None),
            ("各级干部要主动登门服务", None),
        ] {
            assert_eq!(mark_of(line).map(|(name, _)| name), name, "{line}");
        }
    }

    #[test]
    fn amounts_are_read() {
        assert_eq!(
            amounts("全文共3200字，当前显示800字"),
            (Some(3200), Some(800))
        );
        assert_eq!(amounts("文章共 1500 字"), (Some(1500), None));
        assert_eq!(amounts("同志们"), (None, None));
    }
}
