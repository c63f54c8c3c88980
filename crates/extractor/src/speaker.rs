//! Occasion and speaker, from the title and the lines under it. Null rather than a guess.

use std::sync::LazyLock;

use regex::Regex;

use crate::kind;

const ROLES: &str = "总书记|副书记|书记|省长|副省长|市长|副市长|县长|副县长|区长|副区长|镇长|乡长|局长|副局长|厅长|部长|副部长|主任|副主任|主席|副主席|校长|院长|行长|董事长|总经理|总理|会长|秘书长|检察长|州长|代表";

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤习温李";

static OCCASION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:在|^于|[^关由对基终]于)(.{3,80}?)(?:上|中|时|期间)?的?$")
        .expect("a valid pattern")
});

static ROLE_NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(
        r"^(.{{0,16}}?(?:{ROLES}))、?\s*([{SURNAMES}]\s?[\u{{4e00}}-\u{{9fff}}]{{1,2}})(?:同志)?$"
    ))
    .expect("a valid pattern")
});

static NAME_ROLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(
        r"^([{SURNAMES}XxＸ×某][\u{{4e00}}-\u{{9fff}}XxＸ×某]{{0,2}}?)\s*((?:{ROLES}|局|厅))$"
    ))
    .expect("a valid pattern")
});

static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(
        r"^([{SURNAMES}]\s?[\u{{4e00}}-\u{{9fff}}]{{1,2}}|[\u{{4e00}}-\u{{9fff}}]{{2,3}})(同志)?$"
    ))
    .expect("a valid pattern")
});

static ROLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"^.{{0,12}}?(?:{ROLES}|领导)$")).expect("a valid pattern")
});

/// What a title or a line says of the speech.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) occasion: Option<String>,
    pub(crate) speaker: Option<String>,
    pub(crate) role: Option<String>,
}

/// Reads a title, or a line that begins with a dash: `李明在全县工作会议上的讲话`.
pub(crate) fn of_title(title: &str) -> Said {
    let bare = kind::bare(title);
    // What stands before a dash is a slogan.
    let bare = bare.rsplit_once("——").map_or(bare, |(_, title)| title);
    // A document is about a matter and has no occasion.
    let spoken = kind::at_end(bare).filter(|(kind, _)| !kind.0.starts_with("document:"));
    let Some((_, ending)) = spoken else {
        return Said::default();
    };
    let stem = bare.strip_suffix(ending).unwrap_or(bare);
    let (prefix, rest) = split_prefix(stem);
    let mut said = prefix.map(of_name).unwrap_or_default();
    said.occasion = OCCASION
        .captures(rest)
        .map(|found| found[1].trim().to_owned())
        .filter(|occasion| !occasion.is_empty());
    said
}

/// What stands before a colon or before 在, if it is short enough to be a person.
fn split_prefix(stem: &str) -> (Option<&str>, &str) {
    let parted = stem.split_once(['：', ':']);
    if let Some((prefix, rest)) = parted.filter(|(prefix, _)| prefix.chars().count() <= 20) {
        return (Some(prefix), rest);
    }
    match stem.find('在') {
        Some(at) if at > 0 && stem[..at].chars().count() <= 20 => (Some(&stem[..at]), &stem[at..]),
        _ => (None, stem),
    }
}

/// Reads a line or prefix that holds nothing but a person: a name, a role, or both.
pub(crate) fn of_name(text: &str) -> Said {
    let text = text.trim();
    let name = |name: &str| Some(name.split_whitespace().collect::<String>());
    let mut said = Said::default();
    if let Some(found) = ROLE_NAME.captures(text) {
        said.role = Some(found[1].to_owned());
        said.speaker = name(&found[2]);
    } else if let Some(found) = NAME_ROLE.captures(text) {
        said.speaker = Some(text.to_owned());
        said.role = Some(found[2].to_owned());
    } else if ROLE.is_match(text) {
        said.role = Some(text.to_owned());
    } else if let Some(found) = NAME.captures(text) {
        let surname = found[1].starts_with(|c| SURNAMES.contains(c));
        if surname || found.get(2).is_some() {
            said.speaker = name(&found[1]);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(title: &str) -> [String; 3] {
        let said = of_title(title);
        [said.occasion, said.speaker, said.role].map(Option::unwrap_or_default)
    }

    #[test]
    fn a_title_holds_the_occasion_and_may_hold_the_speaker() {
        assert_eq!(
            said("在青石县春耕工作会议上的讲话"),
            ["青石县春耕工作会议", "", ""]
        );
        assert_eq!(
            said("县委书记李明在全县三级干部大会上的讲话（摘要）"),
            ["全县三级干部大会", "李明", "县委书记"]
        );
        assert_eq!(
            said("王海：在青石中学开学典礼上的致辞"),
            ["青石中学开学典礼", "王海", ""]
        );
        assert_eq!(
            said("让青春在一线绽放——在全县青年座谈会上的讲话"),
            ["全县青年座谈会", "", ""]
        );
        assert_eq!(said("李书记在座谈会上的讲话"), ["座谈会", "李书记", "书记"]);
    }

    #[test]
    fn what_is_not_said_is_not_guessed() {
        assert_eq!(said("关于做好春耕工作的通知"), ["", "", ""]);
        assert_eq!(said("关于在全县开展教育活动的报告"), ["", "", ""]);
        assert_eq!(said("2023年个人述职报告"), ["", "", ""]);
        assert_eq!(said("牢记使命 担当作为——专题党课讲稿"), ["", "", ""]);
        assert_eq!(said("学习宣传：在全县会议上的发言"), ["全县会议", "", ""]);
        assert_eq!(of_name("要求"), Said::default());
    }
}
