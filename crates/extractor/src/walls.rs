//! Words that say that more of the text exists than the page shows. A wall is recorded, never passed.
//!
//! In: a line of the page. Out: which mark it holds and what that says of the rest; amounts that it
//! states. A speech may speak of logins and members too: a mark names the text and what is to be done
//! to read it, or is a whole line by itself.

use std::borrow::Cow;
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
    /// It is on another page.
    Elsewhere,
    /// How long the whole is: less may be shown, or all of it.
    Amount,
    /// The reader has no account, or has not paid for the file: weak, as that may be for other things.
    Account,
    /// It is in a file: weak, as the page may show all of the file.
    Download,
    /// It is a click away, or was: weak, as many such buttons hide nothing.
    Button,
    /// Nothing: a line of the site that only looks like a wall.
    Nothing,
}

/// Marks in the order in which they are tried; one a line. The first field names the evidence.
const MARKS: [(&str, Wall, &str); 21] = [
    (
        "回复可见",
        Wall::Login,
        r"(?:查看|浏览|可见|请|需要?|才).{0,8}隐藏(?:的)?(?:内容|部分)|隐藏(?:的)?(?:内容|部分).{0,12}(?:查看|浏览|可见|请|需要?|才)|(?:回复|评论)后?(?:可见|才能看|查看(?:全文|内容))",
    ),
    (
        "关注后阅读",
        Wall::Login,
        r"关注.{0,16}(?:查看|阅读|解锁|获取|观看).{0,4}(?:全文|剩余|完整|隐藏)|解锁(?:全文|剩余|本文)|验证码.{0,12}(?:查看|阅读|解锁|可见)",
    ),
    (
        "需要您先登陆",
        Wall::Login,
        r"(?:全文|全部(?:内容|图文|正文|章节)|(?:剩余|余下|剩下)(?:的?(?:内容|部分|全文|章节|文字)|.{0,4}\d\s?[%％页字])|完整(?:内容|版|文)|继续(?:阅读|浏览)).{0,14}(?:请|需要?|必须|先).{0,4}(?:登[陆录入]|注册)|(?:请|需要?|必须).{0,4}(?:登[陆录入]|注册).{0,6}(?:查看|阅读|浏览)(?:全|完整|剩|余下|本文|正文|文章|后续|下文|$)",
    ),
    (
        "登录后查看",
        Wall::Login,
        r"(?:登[陆录入]|注册|扫码|扫描二维码).{0,10}(?:阅读|查看|浏览|解锁|显示|下载).{0,4}(?:全文|全部(?:内容|图文|正文)|完整|剩|余下|隐藏|本文|正文|文章|后续|下文)|(?:登[陆录入]|注册)后(?:即可|可以?|方可|才能)?(?:继续)?(?:阅读|查看|浏览|可见)[！!。…)）]{0,3}$",
    ),
    (
        "会员可见",
        Wall::Login,
        r"(?:会员|VIP|vip)(?:可见|才[能可](?:查看|阅读|浏览|看)|可?(?:查看|阅读)|文章|专[享属](?:的)?(?:内容|文章|文档|资[料源])|专享[。！!]?$)|(?:仅|只)(?:限|对|供|向)?(?:高级|付费|本站)?(?:会员|VIP|vip).{0,6}(?:查看|阅读|浏览|可见|下载|可看)",
    ),
    (
        "付费阅读",
        Wall::Login,
        r"付费(?:后)?(?:阅读|查看|可见)|本.{0,4}付费内容|(?:购买|付费|支付|开通|充值|打赏|升级|成为).{0,12}(?:阅读|查看|解锁|浏览).{0,4}(?:全文|剩余|完整|全部|本文|隐藏)|(?:积分|金币|文币|学币).{0,8}(?:阅读|浏览|查看|可见)",
    ),
    (
        "想阅读完全部",
        Wall::Login,
        r"想(?:要)?(?:阅读|查看|浏览)(?:完)?全(?:部|文).{0,12}(?:登|注册|会员|VIP|vip|付费|购买|扫码)",
    ),
    (
        "需要您先登陆",
        Wall::Account,
        r"^[（(【\[\s]*(?:(?:对不起|抱歉|亲|提示|温馨提示)[，,：:！!\s]*)?(?:您|你|游客)?(?:现在|目前)?(?:(?:还|尚)?(?:未|没有)|(?:还|请|需要?|必须)?(?:您|你)?(?:首?先|要先)|请|需要?|必须)(?:您|你)?(?:登[陆录入]|注册)(?:账号|帐号)?(?:后(?:再)?(?:查看|阅读|浏览|继续|操作)?)?(?:或|/|、|\s)?(?:免费)?(?:登[陆录入]|注册)?(?:账号|帐号)?(?:[，,]?请先?(?:登[陆录入]|注册))?[！!。…)）】\]\s]*$|已有账号.{0,4}登[陆录入]|登[陆录入]后?(?:可以?|即可)?(?:查看|阅读|浏览)更多|(?:请|需要?|必须)(?:您|你)?(?:先)?登[陆录入]后?才(?:可以?|能)",
    ),
    (
        "开通会员",
        Wall::Account,
        r"^.{0,4}(?:开通|成为|升级|购买)(?:VIP|vip|会员)[^，。单大]{0,10}$|^(?:立即|马上)?加入(?:VIP|vip|会员)$|(?:开通|成为|升级|购买)(?:VIP|vip|会员).{0,12}(?:阅读|查看|畅读)",
    ),
    (
        "付费阅读",
        Wall::Account,
        r"(?:购买|付费|支付|充值|开通|积分|金币|文币|VIP|vip|会员).{0,8}下载|下载.{0,8}(?:积分|金币|文币)|购买(?:全文|本文|(?:本|此|该)?文档[！!。]?$)",
    ),
    (
        "试读结束",
        Wall::Teaser,
        r"试读(?:内容|部分|章节)?(?:已经?|到此)?(?:结束|完毕|部分)|免费(?:试读|预览)|预览(?:已经?|到此)?(?:结束|完毕)|以上(?:内容)?(?:为|是|仅为).{0,4}(?:试读|预览|节选|部分内容)",
    ),
    (
        "剩余内容",
        Wall::Teaser,
        r"(?:剩余|剩下|还剩|余下|还有)(?:约|的)?\s?\d+(?:\.\d+)?\s?[%％页字](?:[，,。！!…\s]*$|[，,\s]*.{0,4}(?:未读|未显示|未展示|内容|全文|阅读|查看|浏览|显示|展开|隐藏))|(?:查看|阅读|显示|浏览)(?:剩余|剩下|余下)(?:全文|内容|部分|\d|$)|^(?:剩余|余下|剩下|后面|以下)(?:的)?(?:内容|部分)(?:已|被)?(?:省略|隐藏)?[。…！!]*$|(?:内容|文章|篇幅)(?:较|过|太)长.{0,12}(?:省略|隐藏|分页|显示|查看|下载|展开)|^.{0,4}(?:此处|下文|以下|余下|后面)(?:内容)?(?:已|从)?(?:省略|隐藏|略)[。…)）】]*$|(?:仅|只)(?:显示|展示|提供)了?(?:前|部分|\d)|以上(?:内容)?(?:为|是|仅为)(?:全文|文章|本文)?的?前?\s?\d+\s?[%％]|已(?:阅读?|读|显示|展示|预览)了?(?:全文|文章|本文)?的?前?\s?\d+\s?[%％]",
    ),
    (
        "本章未完",
        Wall::Elsewhere,
        r"本[章文篇节](?:尚)?未完|点击下一页(?:继续|阅读|查看)|^[（(【…\s]*未完待续[）)】…。！\s]*$",
    ),
    (
        "全文共",
        Wall::Amount,
        r"(?:全文|文章|本文|正文)(?:总)?共(?:约|有)?\s?\d[\d,，]*\s?字|(?:当前|目前|已)(?:显示|展示|预览)了?(?:前)?\s?\d[\d,，]*\s?字",
    ),
    (
        "下载全文",
        Wall::Download,
        r"下载(?:完整|全文|原文|Word|word|DOC|doc|文档)|(?:完整|全文)(?:版)?(?:内容)?(?:请)?(?:点击)?下载",
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
    (
        "继续阅读",
        Wall::Button,
        r"^[\s…．.>》【\[（(]*(?:点击)?继续(?:阅读|浏览)[^，。]{0,8}$",
    ),
    (
        "打开客户端",
        Wall::Button,
        r"(?:打开|下载|前往|进入|使用).{0,10}(?:APP|App|app|客户端|小程序).{0,8}(?:阅读|查看|看)(?:全文|更多|完整|剩余)",
    ),
    (
        "关注公众号",
        Wall::Nothing,
        r"关注.{0,16}(?:公众号|微信号?|视频号).{0,12}(?:获取|领取|查看|阅读|了解)",
    ),
    (
        "打开客户端",
        Wall::Nothing,
        r"(?:打开|下载).{0,10}(?:APP|App|app|客户端).{0,4}阅读体验",
    ),
];

static COMPILED: LazyLock<Vec<(&str, Wall, Regex)>> = LazyLock::new(|| {
    let compile = |(name, wall, pattern): &(&'static str, Wall, &str)| {
        (*name, *wall, Regex::new(pattern).expect("a valid pattern"))
    };
    MARKS.iter().map(compile).collect()
});

/// What an account is asked for besides reading.
static OTHER_LOGIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("评论|发言|留言|回复|[跟回][帖贴]|操作|微博|参与|投票|投稿|发表|点赞|收藏|评分")
        .expect("a valid pattern")
});

/// Whom a speech speaks to or of, and how its points begin: no site speaks so to its readers.
static SPEECH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("各(?:位|单位|部门|级|地|乡|镇|县|区|市|村|校|支部)|同志|大家|我们|咱们|群众|干部|职工|^(?:第[一二三四五六七八九十]|[一二三四五六七八九十]{1,3}(?:[、是要]|来)|[（(][一二三四五六七八九十\\d]{1,3}[)）]|\\d{1,2}[.．、])")
        .expect("a valid pattern")
});

/// What a site says even to 大家: nothing but its own text can be meant.
static OF_THE_TEXT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("全文|试读|隐藏内容|剩余内容").expect("a valid pattern"));

const TOTAL: &str = r"(?:全文|文章|本文|正文)(?:总)?共?(?:约|有)?\s?(\d[\d,，]{1,10})\s?字";
const SHOWN: &str = r"(?:显示|展示|预览)\s?(?:了)?(?:前)?\s?(\d[\d,，]{1,10})\s?字";
const LEFT: &str = r"(?:剩余|剩下|还剩|余下|还有)(?:约)?\s?(\d[\d,，]{1,10})\s?字";

static AMOUNTS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    [TOTAL, SHOWN, LEFT].map(|pattern| Regex::new(pattern).expect("a valid pattern"))
});

/// Words of which each mark holds one: most lines hold none, and are looked at once.
static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        "[%％字略]|VIP|vip|APP|App|app|下一页|下载|以下|会员|余下|公众号|关注|剩下|剩余|可见|后面|回复|客户端\
         |小程序|展开|展示|微信|扫描|扫码|提供|显示|未完|查看|注册|浏览|登[入录陆]|省略|节选|视频号|解锁|评论\
         |试读|还剩|还有|部分内容|阅读|隐藏|预览|验证码|[太过较]长|付费|购买",
    )
    .expect("a valid pattern")
});

/// An account of a site is written 账 and 帐, of which 帳 is the second: here it is the first.
fn simplified(line: &str) -> Cow<'_, str> {
    if line.contains('帳') {
        let line = line.replace('帳', "账");
        return Cow::Owned(script::simplified(&line).into_owned());
    }
    script::simplified(line)
}

/// The mark that a line holds, by its name.
pub(crate) fn mark_of(line: &str) -> Option<(&'static str, Wall)> {
    if line.chars().count() > LONGEST {
        return None;
    }
    let line = &*simplified(line);
    if !WORDS.is_match(line) {
        return None;
    }
    if SPEECH.is_match(line) && !OF_THE_TEXT.is_match(line) {
        return None;
    }
    // Most pages ask for a login of those who want to comment.
    let is_other = OTHER_LOGIN.is_match(line);
    let asks = |name: &str| matches!(name, "回复可见" | "关注后阅读");
    let found = COMPILED
        .iter()
        .find(|(name, _, pattern)| (!is_other || asks(name)) && pattern.is_match(line));
    found.map(|(name, wall, _)| (*name, *wall))
}

/// Characters in all, and characters shown, as a line states them.
pub(crate) fn amounts(line: &str) -> (Option<u64>, Option<u64>) {
    if !line.contains('字') || line.chars().count() > LONGEST {
        return (None, None);
    }
    let line = &*simplified(line);
    let [total, shown, left] = &*AMOUNTS;
    let number = |pattern: &Regex| -> Option<u64> {
        let digits = pattern.captures(line)?[1].replace([',', '，'], "");
        digits.parse().ok()
    };
    let total = number(total);
    let rest = || total?.checked_sub(number(left)?);
    (total, number(shown).or_else(rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::string::string_regex;
    use proptest::test_runner::TestRunner;

    use super::*;

    #[test]
    fn every_mark_holds_a_word_by_which_its_line_is_looked_at() {
        let mut runner = TestRunner::deterministic();
        for (name, _, pattern) in MARKS {
            let lines = string_regex(&pattern.replace(['^', '$'], "")).unwrap();
            for _ in 0..300 {
                let line = lines.new_tree(&mut runner).unwrap().current();
                assert!(WORDS.is_match(&line), "{name}: {line}");
            }
        }
    }

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
            ("登入後可閱讀完整內容", Some("登录后查看")),
            ("微信扫码登录，即可查看全文", Some("登录后查看")),
            ("游客，如果您要查看本帖隐藏内容请回复", Some("回复可见")),
            ("还剩66%未读，继续阅读", Some("剩余内容")),
            ("您需要登录后才可以回帖 登录 | 立即注册", None),
            ("第二步，登录后查看自己名下的住户", None),
            ("农产品需要注册商标，打响品牌。", None),
            ("欢迎更多小店加入会员大家庭。", None),
            ("仅限会员参加的活动，一年不超过两次。", None),
            ("剩余部分由县财政解决，年底前结清。", None),
            ("还剩40%的任务没有完成，时间不等人。", None),
            ("奋斗的故事未完待续，时代的答卷常写常新。", None),
        ] {
            assert_eq!(mark_of(line).map(|(name, _)| name), name, "{line}");
        }
    }

    #[test]
    fn walls_are_told_by_what_they_say_of_the_rest() {
        use Wall::{Account, Amount, Button, Download, Elsewhere, Login, Nothing, Teaser};
        for (line, wall) in [
            ("剩余内容请登录", Login),
            ("剩余60%内容登录后可查看", Login),
            ("您需要登录后才能阅读全文", Login),
            ("请先注册再阅读全文", Login),
            ("注册会员即可阅读全文", Login),
            ("本文仅对VIP会员开放阅读", Login),
            ("该文章为会员专属内容", Login),
            ("会员才能查看", Login),
            ("支付2元阅读全文", Login),
            ("开通VIP，免费查看全文", Login),
            ("购买会员后可查看剩余内容", Login),
            ("需要20积分才可浏览", Login),
            ("扫码关注公众号，获取验证码后解锁", Login),
            ("关注“青石笔记”微信公众号后阅读全文", Login),
            ("此处内容需要评论回复后方可查看隐藏内容", Login),
            ("登錄後閱讀全文", Login),
            ("请先登录", Account),
            ("您还没有登录，请登录！", Account),
            ("您尚未登录", Account),
            ("已有账号，立即登录", Account),
            ("立即开通VIP", Account),
            ("VIP免费下载", Account),
            ("下载本文档需要5个金币", Account),
            ("试读已结束", Teaser),
            ("免费预览已结束，剩余12页", Teaser),
            ("还剩3页未读", Teaser),
            ("还有75%内容未显示", Teaser),
            ("由于文章过长，以下内容省略", Teaser),
            ("（以下省略）", Teaser),
            ("您已阅读25%", Teaser),
            ("仅展示部分内容", Teaser),
            ("（本章未完，请翻页）", Elsewhere),
            ("未完待续", Elsewhere),
            ("全文共约3200字", Amount),
            ("下载Word文档", Download),
            ("点击展开全文", Button),
            ("查看更多", Button),
            ("打开APP查看全文", Button),
            ("关注公众号，获取更多精彩内容", Nothing),
        ] {
            let found = mark_of(line).map(|(_, wall)| wall);
            assert_eq!(found, Some(wall), "{line}");
        }
    }

    #[test]
    fn a_speech_may_speak_of_logins_members_and_what_is_left() {
        for line in [
            "（一）登录后的权限要分级管理。",
            "要规范网站会员注册，防止信息泄露。",
            "注册登记要一次办好，企业注册后三天内上门服务。",
            "去年全县新注册商标二百件。",
            "政协会员单位要带头履职。",
            "工会会员才是主人，会员满意才算满意。",
            "欢迎加入会员队伍，共同办好协会。",
            "购买文档柜的钱由财政列支。",
            "剩余20%的工程量，要在汛期前完成。",
            "还剩30天，时间非常紧迫。",
            "还有15%的农户没有签约。",
            "剩下的部分由乡镇自筹。",
            "下载文件不等于落实，转发链接不等于传达。",
            "要多阅读，阅读全文才能读懂原意。",
            "关注群众，查看实情，获取一手材料。",
            "干部要扫码登录学习平台，查看课程。",
            "请先登记，再入场，听从引导员安排。",
            "全部会员企业都要签订承诺书。",
            "付费内容要明码标价，不得强制消费。",
            "改革未完待续，奋斗未有穷期。",
            "以下省略两段背景，直接讲要求。",
            "文章写得过长，没有人愿意读。",
            "继续阅读这本书，是今年的任务。",
            "今天的话题，全文共分三个部分。",
            "打开客户端就能办事，群众少跑腿。",
        ] {
            assert_eq!(mark_of(line), None, "{line}");
        }
    }

    #[test]
    fn amounts_are_read() {
        assert_eq!(
            amounts("全文共3200字，当前显示800字"),
            (Some(3200), Some(800))
        );
        assert_eq!(amounts("文章共 1500 字"), (Some(1500), None));
        assert_eq!(
            amounts("已预览301字，全文共3,120字"),
            (Some(3120), Some(301))
        );
        assert_eq!(amounts("全文共1290字，剩余980字"), (Some(1290), Some(310)));
        assert_eq!(amounts("同志们"), (None, None));
    }
}
