//! Speeches that nobody gave, in pages like a library's: as many as wanted, all different.
//!
//! In: a number. Out: the page of that number, the same on every run and every machine.

use std::fmt::Write as _;

use crate::dice::Dice;

/// Characters of a body, about.
const BODY_CHARS: usize = 2_000;

/// One of so many clauses is a set phrase.
const SET_PHRASE: usize = 6;

const PLACES: [&str; 12] = [
    "青岚县",
    "云河市",
    "南屏区",
    "松溪镇",
    "白鹭乡",
    "安平州",
    "石桥街道",
    "临江新区",
    "东岭县",
    "望湖区",
    "清泉市",
    "北山县",
];
const TOPICS: [&str; 16] = [
    "城市工作",
    "乡村振兴",
    "安全生产",
    "优化营商环境",
    "基层治理",
    "生态环境保护",
    "防汛抗旱",
    "招商引资",
    "教育工作",
    "卫生健康",
    "文化旅游",
    "农田水利",
    "项目建设",
    "作风建设",
    "信访工作",
    "人才工作",
];
const HEADINGS: [&str; 6] = [
    "提高认识，切实增强做好{}的责任感",
    "突出重点，扎实推进{}各项任务",
    "补齐短板，着力破解{}中的难题",
    "改革创新，不断激发{}的内生动力",
    "加强领导，为{}提供坚强保障",
    "转变作风，确保{}落到实处",
];
const NUMERALS: [&str; 6] = ["一", "二", "三", "四", "五", "六"];
const WHO: [&str; 14] = [
    "各级各部门",
    "广大干部",
    "各村各社区",
    "有关单位",
    "领导班子",
    "党员同志",
    "驻村工作队",
    "各乡镇",
    "相关企业",
    "人民群众",
    "牵头部门",
    "责任单位",
    "基层一线的同志",
    "分管负责同志",
];
const HOW: [&str; 14] = [
    "要坚持问题导向",
    "要统筹发展和安全",
    "必须拿出实招硬招",
    "应当主动靠前服务",
    "要把握时间节点",
    "要沉下身子调查研究",
    "必须守住底线",
    "要加强协调配合",
    "要对照清单逐项销号",
    "要善于总结经验",
    "不能有丝毫松懈",
    "要用好考核这根指挥棒",
    "要把群众满意作为标准",
    "要在细处见功夫",
];
const WHAT: [&str; 14] = [
    "把每一个项目都抓出成效",
    "推动工作再上新台阶",
    "让老百姓看得见变化",
    "切实解决久拖不决的问题",
    "把压力传导到最末端",
    "形成一级抓一级的格局",
    "不断提升服务水平",
    "为全年目标打下基础",
    "确保各项指标稳中有进",
    "做到件件有着落",
    "把资金用在刀刃上",
    "让制度真正管用",
    "带动更多村民增收",
    "使短板变成跳板",
];

/// How, what is done, of what, and to which of its sides: of these most clauses are made, so that no two
/// speeches have more in common than what all officials say.
const MANNERS: [&str; 24] = [
    "持续", "全面", "扎实", "稳步", "加快", "着力", "切实", "不断", "深入", "主动", "科学", "依法",
    "有序", "精准", "及时", "积极", "大力", "严格", "认真", "努力", "逐步", "带头", "坚决", "合力",
];
const ACTS: [&str; 48] = [
    "推进", "落实", "完善", "优化", "加强", "提升", "深化", "统筹", "强化", "健全", "规范", "整合",
    "拓展", "巩固", "培育", "改造", "保障", "监督", "检查", "协调", "指导", "组织", "研究", "部署",
    "总结", "推广", "创新", "解决", "化解", "建立", "修订", "实施", "编制", "评估", "管理", "维护",
    "支持", "引导", "鼓励", "激发", "壮大", "补齐", "压实", "细化", "明确", "争取", "拓宽", "盘活",
];
const FIELDS: [&str; 48] = [
    "农村", "城镇", "社区", "企业", "基层", "产业", "公共", "财政", "民生", "生态", "教育", "医疗",
    "养老", "交通", "水利", "文化", "旅游", "科技", "人才", "干部", "党员", "青年", "群众", "市场",
    "物流", "电商", "园区", "招商", "消防", "食品", "应急", "信访", "纪检", "档案", "统计", "审计",
    "国土", "林业", "渔业", "畜牧", "粮食", "能源", "供水", "住房", "就业", "金融", "体育", "街巷",
];
const THINGS: [&str; 48] = [
    "体系", "机制", "制度", "责任", "队伍", "设施", "平台", "网络", "质量", "水平", "能力", "效率",
    "环境", "秩序", "安全", "标准", "程序", "台账", "方案", "计划", "目标", "任务", "措施", "政策",
    "资金", "资源", "基地", "品牌", "链条", "格局", "试点", "示范", "规划", "建设", "改革", "治理",
    "整治", "监管", "服务", "培训", "宣传", "考核", "调研", "督查", "保护", "修复", "利用", "开发",
];

/// A page: the path to serve it at, and its HTML.
pub(crate) struct GeneratedPage {
    pub(crate) path: String,
    pub(crate) html: String,
}

/// The page of a number.
pub(crate) fn page(number: usize) -> GeneratedPage {
    let mut dice = Dice::new(number as u64);
    let (place, topic) = (dice.pick(&PLACES), dice.pick(&TOPICS));
    let (year, month, day) = (
        2014 + dice.below(12),
        1 + dice.below(12),
        1 + dice.below(28),
    );
    let title = format!("在{place}{topic}第{}次推进会上的讲话", number + 1);
    let body = body(&mut dice, place, topic, number);
    let related: Vec<_> = (1..=8)
        .map(|step| {
            let other = (number + step * 7) % (number + 64);
            let topic = dice.pick(&TOPICS);
            format!("<li><a href=\"/detail/{other}.html\">关于{topic}的几点意见</a></li>")
        })
        .collect();
    let related = related.join("\n");
    let html = format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <title>{title}_领导讲话_试验文库</title>\n</head>\n<body>\n\
         <div class=\"top-bar\"><a href=\"/login.html\">登录</a> | <a href=\"/register.html\">注册</a></div>\n\
         <div class=\"nav\"><ul>{}</ul></div>\n\
         <div class=\"wrap\"><div class=\"crumbs\">当前位置：<a href=\"/\">首页</a> &gt; 领导讲话</div>\n\
         <div class=\"detail-box\"><h1>{title}</h1>\n\
         <div class=\"info\"><span>发布时间：{year}-{month:02}-{day:02}</span> <span>浏览：{}次</span></div>\n\
         <div id=\"content\">\n{body}</div></div>\n\
         <div class=\"side\"><h3>相关推荐</h3><ul>\n{related}</ul></div></div>\n\
         <div class=\"footer\"><p>版权声明：本站资料由网友上传，仅供学习参考</p><p>联系客服</p></div>\n\
         </body>\n</html>\n",
        menu(),
        dice.below(9_000),
    );
    GeneratedPage {
        path: format!("/detail/{number}.html"),
        html,
    }
}

fn menu() -> String {
    let channels = [
        "领导讲话",
        "工作总结",
        "实施方案",
        "心得体会",
        "调研报告",
        "会员服务",
    ];
    let channels = channels.iter().enumerate();
    let items: Vec<_> = channels
        .map(|(number, name)| format!("<li><a href=\"/channel/{number}.html\">{name}</a></li>"))
        .collect();
    items.concat()
}

fn body(dice: &mut Dice, place: &str, topic: &str, number: usize) -> String {
    let mut html = String::from("<p>同志们：</p>\n");
    let mut num_chars = 0;
    let opening = format!(
        "这次会议是{place}召开的第{}次{topic}推进会，主要任务是总结前一阶段的情况，部署下一步的工作。",
        number + 1
    );
    let _ = writeln!(html, "<p>　　{opening}</p>");
    for (index, numeral) in NUMERALS.iter().enumerate() {
        if num_chars >= BODY_CHARS {
            break;
        }
        let heading = HEADINGS[index].replace("{}", topic);
        let _ = writeln!(html, "<p><strong>　　{numeral}、{heading}</strong></p>");
        for _ in 0..2 + dice.below(2) {
            let text: String = (0..5 + dice.below(3))
                .map(|_| sentence(dice, topic))
                .collect();
            num_chars += text.chars().count();
            let _ = writeln!(html, "<p>　　{text}</p>");
        }
    }
    html.push_str("<p>　　谢谢大家！</p>\n");
    html
}

/// A sentence about a topic.
pub(crate) fn sentence(dice: &mut Dice, topic: &str) -> String {
    let who = if dice.below(2) == 0 {
        dice.pick(&WHO)
    } else {
        ""
    };
    let (how, what, more) = (how(dice), what(dice), clause(dice));
    match dice.below(4) {
        0 => format!("在{topic}上，{who}{how}，{what}。"),
        1 => format!("{who}{how}，力争在{}个月内{what}。", 1 + dice.below(11)),
        2 => format!(
            "去年以来，全县投入{topic}资金{}万元，{who}{how}，{more}。",
            100 + dice.below(9_000)
        ),
        _ => format!("{who}{how}，{more}，{what}。"),
    }
}

fn how(dice: &mut Dice) -> String {
    if dice.below(SET_PHRASE) == 0 {
        return dice.pick(&HOW).to_owned();
    }
    format!("要{}", clause(dice))
}

fn what(dice: &mut Dice) -> String {
    if dice.below(SET_PHRASE) == 0 {
        return dice.pick(&WHAT).to_owned();
    }
    clause(dice)
}

/// One of some millions.
fn clause(dice: &mut Dice) -> String {
    let (manner, act, thing) = (dice.pick(&MANNERS), dice.pick(&ACTS), dice.pick(&THINGS));
    let (field, other) = (dice.pick(&FIELDS), dice.pick(&FIELDS));
    match dice.below(4) {
        0 => format!("{manner}{act}{field}{thing}"),
        1 => format!("{act}{field}和{other}{thing}"),
        2 => format!("把{field}{thing}与{other}工作一起{act}"),
        _ => format!("{manner}{act}{field}、{other}的{thing}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_same_every_time_and_like_no_other() {
        assert_eq!(page(3).html, page(3).html);
        let all: std::collections::HashSet<_> = (0..200).map(|number| page(number).html).collect();
        assert_eq!(all.len(), 200);
    }

    #[test]
    fn a_page_holds_about_two_thousand_han_characters() {
        for number in 0..50 {
            let han = page(number)
                .html
                .chars()
                .filter(|c| ('一'..='鿿').contains(c))
                .count();
            assert!((1_500..3_500).contains(&han), "{number}: {han}");
        }
    }
}
