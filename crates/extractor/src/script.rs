//! Simplified or traditional: by characters that only one of the two scripts writes.

use std::borrow::Cow;
use std::sync::LazyLock;

use messages::Script;

/// Frequent characters in pairs, simplified first, that the other script doesn't write.
const PAIRS: [&str; 14] = [
    "们們这這个個来來为為国國会會时時说說对對经經发發现現进進动動学學过過实實开開关關业業产產应應还還问問题題机機体體党黨员員长長从從",
    "当當无無两兩内內见見将將东東车車书書记記义義乡鄉农農区區县縣厂廠广廣场場医醫卫衛强強导導领領劳勞务務总總结結绍紹绩績继繼续續维維",
    "级級纪紀组組织織终終给給约約线線练練红紅纯純网網罗羅联聯声聲职職听聽脑腦脸臉兴興举舉旧舊艺藝节節荣榮药藥获獲营營处處虽雖补補装裝",
    "观觀规規视視觉覺览覽计計认認议議让讓训訓许許论論设設访訪证證评評识識诉訴诊診词詞试試诗詩诚誠话話询詢该該详詳语語误誤请請诸諸读讀",
    "课課谁誰调調谈談谢謝贝貝负負财財责責败敗货貨质質购購贯貫费費资資赛賽赞贊转轉轮輪软軟轻輕较較辆輛输輸边邊达達迁遷运運远遠连連适適",
    "选選递遞邻鄰释釋针針钟鐘钢鋼钱錢铁鐵银銀错錯门門间間闻聞阳陽队隊阶階际際陆陸陈陳险險随隨难難电電页頁项項顺順须須顾顧预預频頻颜顏",
    "风風飞飛饭飯饮飲马馬驻駐验驗鱼魚鸟鳥麦麥龙龍编編辑輯击擊数數载載权權标標签籤录錄码碼扫掃号號条條顶頂栏欄链鏈热熱荐薦欢歡图圖库庫",
    "单單价價优優传傳伟偉军軍决決创創办辦协協历歷变變团團围圍块塊坚堅报報择擇担擔归歸态態恳懇愿願战戰户戶执執扬揚护護拥擁换換损損摆擺",
    "敌敵断斷显顯暂暫术術杨楊极極构構树樹样樣桥橋检檢欧歐残殘汉漢汇匯泽澤济濟浓濃测測湾灣满滿灭滅灾災炼煉爱愛牵牽独獨环環监監盖蓋盘盤",
    "矿礦础礎确確祸禍离離积積称稱稳穩穷窮竞競笔筆筹籌简簡类類粮糧纠糾纷紛纸紙细細绝絕统統绿綠缓緩缩縮缴繳罚罰肃肅胜勝胶膠脱脫",
    "讲講点點师師辞辭镇鎮没沒习習况況写寫层層园園备備馆館众眾头頭届屆么麼灯燈岭嶺仪儀迹跡拨撥带帶专專档檔气氣纲綱阅閱账賬温溫严嚴参參礼禮亲親岗崗楼樓",
    "册冊亩畝别別毕畢浏瀏紧緊刚剛张張养養庆慶宾賓宝寶闭閉与與岁歲减減画畫仅僅隐隱压壓贴貼帮幫亿億审審厅廳够夠势勢奖獎坝壩圆圓税稅响響儿兒卖賣讨討讯訊",
    "抢搶齐齊龄齡铸鑄苏蘇却卻综綜兰蘭销銷赶趕贵貴订訂净淨顿頓贺賀蓝藍骑騎纳納沟溝则則仓倉买買静靜晓曉邮郵奋奮双雙励勵遗遺违違辈輩贫貧筑築栋棟属屬废廢",
    "宁寧虚虛怀懷临臨献獻忆憶韩韓挥揮洁潔扩擴妇婦壮壯坏壞储儲偿償争爭乱亂丰豐华華复復尽盡尔爾叶葉万萬",
];

/// Likewise, of traditional ones whose simplified one is no sign by itself, as both scripts write it (后), or
/// stands above with another (复).
const TRADITIONAL: &str = "后後里裏里裡于於几幾余餘云雲只隻面麵制製系係系繫松鬆准準范範征徵台臺复複周週志誌冲衝采採游遊布佈占佔并併并並斗鬥谷穀舍捨划劃据據种種回迴干幹注註";

/// The first character of the table, and how many it has: all that are in a pair lie between.
const FIRST: u32 = 0x4e00;
const NUM: usize = 0x5200;

/// What the table knows of a character.
#[derive(Clone, Copy)]
enum Side {
    Both,
    Simplified,
    /// With the simplified one.
    Traditional(char),
}

/// Every character of every line is looked up: a hash for each would cost more than all rules.
static SIDES: LazyLock<Vec<Side>> = LazyLock::new(|| {
    let mut sides = vec![Side::Both; NUM];
    let mut set = |c: char, side: Side| {
        if let Some(slot) = index(c).and_then(|at| sides.get_mut(at)) {
            *slot = side;
        }
    };
    for (simplified, traditional) in pairs(&PAIRS.concat()) {
        set(simplified, Side::Simplified);
        set(traditional, Side::Traditional(simplified));
    }
    for (simplified, traditional) in pairs(TRADITIONAL) {
        set(traditional, Side::Traditional(simplified));
    }
    sides
});

fn pairs(text: &str) -> Vec<(char, char)> {
    let chars: Vec<char> = text.chars().collect();
    chars
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect()
}

fn index(c: char) -> Option<usize> {
    usize::try_from(u32::from(c).checked_sub(FIRST)?).ok()
}

fn side(sides: &[Side], c: char) -> Side {
    let found = index(c).and_then(|at| sides.get(at));
    found.copied().unwrap_or(Side::Both)
}

/// The text in simplified characters, as far as rules for lines need it; never for what is kept.
pub(crate) fn simplified(text: &str) -> Cow<'_, str> {
    let sides = &*SIDES;
    let is_traditional = |c| matches!(side(sides, c), Side::Traditional(_));
    if !text.contains(is_traditional) {
        return Cow::Borrowed(text);
    }
    let simple = |c| match side(sides, c) {
        Side::Traditional(simple) => simple,
        Side::Both | Side::Simplified => c,
    };
    text.chars().map(simple).collect()
}

pub(crate) fn of(text: &str) -> Script {
    let sides = &*SIDES;
    let (mut num_traditional, mut num_either) = (0_u32, 0_u32);
    for c in text.chars() {
        match side(sides, c) {
            Side::Both => {}
            Side::Simplified => num_either += 1,
            Side::Traditional(_) => {
                num_traditional += 1;
                num_either += 1;
            }
        }
    }
    let share = f64::from(num_traditional) / f64::from(num_either.max(1));
    // A name or a quotation in the other script does not make a text mixed.
    if share < 0.1 {
        Script::Hans
    } else if share > 0.9 {
        Script::Hant
    } else {
        Script::Mixed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_pairs_are_pairs() {
        let both = PAIRS.concat();
        assert_eq!(
            (both.chars().count() % 2, TRADITIONAL.chars().count() % 2),
            (0, 0)
        );
        let mut seen = HashSet::new();
        for (simplified, traditional) in pairs(&both) {
            assert!(
                seen.insert(simplified) && seen.insert(traditional),
                "{simplified}{traditional}"
            );
        }
        for (simplified, traditional) in pairs(TRADITIONAL) {
            assert!(seen.insert(traditional), "{simplified}{traditional}");
        }
        assert!(seen.iter().all(|&c| index(c).unwrap() < NUM));
        assert_eq!(simplified("責任編輯：李"), "责任编辑：李");
        assert_eq!(simplified("閱讀餘下全文"), "阅读余下全文");
    }

    #[test]
    fn scripts_are_told_apart() {
        assert_eq!(of("同志们，这个问题要认真研究"), Script::Hans);
        assert_eq!(of("各位來賓，這個問題要認真研究"), Script::Hant);
        assert_eq!(
            of("同志们，这个问题要認真研究，請各單位注意"),
            Script::Mixed
        );
        // What both scripts write speaks for neither.
        assert_eq!(of("余村之后，山谷里只有云，松树面向台地"), Script::Hans);
        assert_eq!(of("閱後於餘暇再談，皇后山谷"), Script::Hant);
        assert_eq!(of(""), Script::Hans);
    }
}
