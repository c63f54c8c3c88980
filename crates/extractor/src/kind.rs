//! What sort of text it is, by how its title ends.

use std::sync::LazyLock;

use messages::Kind;
use regex::Regex;

/// How titles end, longest match first, and the kind that it means.
const ENDINGS: [(&str, &[&str]); 12] = [
    (
        "主持词",
        &[
            "主持词",
            "主持辞",
            "主持讲话",
            "主持讲话稿",
            "主持稿",
            "主持讲稿",
            "主持发言",
            "主持提纲",
        ],
    ),
    (
        "述职报告",
        &[
            "述职报告",
            "述职述廉报告",
            "述职述德述廉报告",
            "述责述廉报告",
            "述职述责述廉报告",
            "述职述学述廉报告",
            "述学述职述廉述法报告",
            "述法报告",
            "述廉报告",
            "述职述廉",
            "述职",
            "述职材料",
        ],
    ),
    (
        "对照检查",
        &[
            "对照检查",
            "对照检查材料",
            "对照检查发言",
            "对照检查发言材料",
            "对照检查发言提纲",
            "对照检视剖析材料",
            "检视剖析材料",
            "个人检视剖析材料",
            "剖析材料",
            "检查材料",
            "检视问题清单",
        ],
    ),
    (
        "心得",
        &[
            "心得体会",
            "心得",
            "学习体会",
            "体会",
            "感悟",
            "读后感",
            "观后感",
            "研讨材料",
        ],
    ),
    (
        "党课",
        &[
            "党课",
            "党课讲稿",
            "党课讲话",
            "党课教案",
            "党课材料",
            "党课提纲",
            "微党课",
            "专题党课",
            "党课报告",
        ],
    ),
    (
        "宣讲",
        &[
            "宣讲",
            "宣讲稿",
            "宣讲提纲",
            "宣讲报告",
            "宣讲材料",
            "辅导报告",
            "宣讲词",
        ],
    ),
    (
        "演讲",
        &[
            "演讲",
            "演讲稿",
            "演讲词",
            "竞聘演讲稿",
            "竞聘演讲",
            "演說",
            "演講",
            "就职演说",
            "演说",
        ],
    ),
    (
        "致辞",
        &[
            "致辞",
            "致词",
            "贺词",
            "贺辞",
            "献词",
            "祝词",
            "祝酒词",
            "祝酒辞",
            "答谢词",
            "答谢辞",
            "欢迎词",
            "欢迎辞",
            "欢送词",
            "开幕词",
            "开幕辞",
            "闭幕词",
            "闭幕辞",
            "悼词",
            "致辭",
            "致詞",
            "賀詞",
            "開幕辭",
        ],
    ),
    (
        "发言",
        &[
            "发言",
            "发言稿",
            "发言材料",
            "发言提纲",
            "表态发言",
            "表态发言稿",
            "交流发言",
            "交流发言材料",
            "讨论发言",
            "典型发言",
            "表态讲话",
            "座谈发言",
            "研讨发言",
            "研讨发言材料",
            "發言",
        ],
    ),
    (
        "汇报",
        &[
            "汇报",
            "汇报材料",
            "汇报稿",
            "情况汇报",
            "工作汇报",
            "汇报提纲",
            "汇报发言",
            "匯報",
        ],
    ),
    (
        "报告",
        &[
            "报告",
            "工作报告",
            "政府工作报告",
            "总结报告",
            "主题报告",
            "报告稿",
            "報告",
            "党代会报告",
        ],
    ),
    (
        "讲话",
        &[
            "讲话",
            "讲话稿",
            "讲话提纲",
            "讲话要点",
            "讲话材料",
            "动员讲话",
            "总结讲话",
            "即席讲话",
            "重要讲话",
            "任前谈话",
            "集体谈话",
            "谈话提纲",
            "廉政谈话",
            "谈话",
            "讲稿",
            "訓話",
            "講話",
            "談話",
            "训词",
            "总结讲评",
            "寄语",
        ],
    ),
];

/// The statutory kinds of documents (regulation of 2012); a report about a matter is one too.
const DOCUMENTS: [&str; 14] = [
    "决议", "决定", "命令", "公报", "公告", "通告", "意见", "通知", "通报", "请示", "批复", "议案",
    "函", "纪要",
];

static AFTER_KIND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?:[\s\d.。，,!！?？、:：—–_-]+|[(（【\[][^()（）【】\[\]]{0,12}[)）】\]]|第?[一二三四五六七八九十\d]{1,3}[篇份]|篇[一二三四五六七八九十]{0,3}|[(（]?(?:摘要|节选|全文|范文|模板|摘登|审议稿|通用版?|最新版?)[)）]?)$",
    )
    .expect("a valid pattern")
});

/// The title without what may follow its kind: (摘要), numbers, marks.
pub(crate) fn bare(title: &str) -> &str {
    let mut title = title.trim();
    while let Some(found) = AFTER_KIND.find(title) {
        if found.start() == 0 {
            break;
        }
        title = &title[..found.start()];
    }
    title.trim_end_matches(['》', '”', '"'])
}

/// The kind, and the ending of the bare title that gave it.
///
/// A title whose end tells nothing may tell it before a colon (专题党课：…) or in brackets.
pub(crate) fn of(title: &str) -> Option<(Kind, &'static str)> {
    let whole = title.trim_end();
    let title = bare(title);
    let in_brackets = || {
        let inner = whole.strip_suffix(['）', ')'])?;
        at_end(bare(&inner[inner.rfind(['（', '('])?..]))
    };
    at_end(title)
        .or_else(|| at_end(title.split_once(['：', ':'])?.0))
        .or_else(in_brackets)
}

/// The same, of the end alone.
pub(crate) fn at_end(title: &str) -> Option<(Kind, &'static str)> {
    let mut best: Option<(&str, &'static str)> = None;
    for (kind, endings) in &ENDINGS {
        for ending in *endings {
            let longer = best.is_none_or(|(_, old)| ending.len() > old.len());
            if longer && title.ends_with(ending) {
                best = Some((kind, ending));
            }
        }
    }
    if let Some((kind, ending)) = best {
        let about_a_matter = title.starts_with("关于") || title.contains("《关于");
        if ending == "报告" && about_a_matter {
            return Some((Kind("document:报告".to_owned()), ending));
        }
        return Some((Kind(kind.to_owned()), ending));
    }
    let ending = DOCUMENTS
        .iter()
        .copied()
        .find(|kind| title.ends_with(kind))?;
    // 来函, 信函 and 会议决定 are no titles of documents; 复函 and 的函 are.
    let is_document = match ending {
        "纪要" => true,
        "函" => title.ends_with("的函") || title.ends_with("复函"),
        _ => title.contains("关于") || title.contains('的') || title == ending,
    };
    is_document.then(|| (Kind(format!("document:{ending}")), ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_title_tells_its_kind() {
        for (title, kind) in [
            ("在全县农业工作会议上的讲话", "讲话"),
            ("在全县农业工作会议上的讲话（摘要）", "讲话"),
            ("在全县农业工作会议上的主持讲话", "主持词"),
            ("在青石县第三届茶博会开幕式上的致辞", "致辞"),
            ("2023年度个人述职述廉报告", "述职报告"),
            ("在庆祝建党节专题党课上的讲稿", "讲话"),
            ("坚定信念 担当作为——七一专题党课讲稿", "党课"),
            ("关于做好2024年防汛工作的通知", "document:通知"),
            ("关于2023年财政决算的报告", "document:报告"),
            ("青石县人民政府工作报告2024", "报告"),
            ("学习心得体会3", "心得"),
            ("从一盏马灯说起（微党课讲稿）", "党课"),
            ("岗位竞聘演讲稿 篇2", "演讲"),
            ("县政府第18次常务会议纪要", "document:纪要"),
            ("在乡村振興座談會上的講話", "讲话"),
        ] {
            assert_eq!(of(title).unwrap().0.0, kind, "{title}");
        }
        for title in ["青石县召开农业工作会议", "关于我们", "讲话全文发布会召开"]
        {
            assert!(of(title).is_none(), "{title}");
        }
    }
}
