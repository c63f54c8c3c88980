//! Simplified or traditional: by characters that only one of the two scripts writes.

use std::borrow::Cow;
use std::sync::LazyLock;

use messages::Script;

/// Frequent characters in pairs, simplified first, that the other script doesn't write.
const PAIRS: [&str; 10] = [
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
];

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
    let chars: Vec<char> = PAIRS.concat().chars().collect();
    for pair in chars.chunks_exact(2) {
        for (c, side) in [
            (pair[0], Side::Simplified),
            (pair[1], Side::Traditional(pair[0])),
        ] {
            if let Some(slot) = index(c).and_then(|at| sides.get_mut(at)) {
                *slot = side;
            }
        }
    }
    sides
});

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
        let chars: Vec<char> = PAIRS.concat().chars().collect();
        assert_eq!(chars.len() % 2, 0);
        let mut seen = HashSet::new();
        for pair in chars.chunks(2) {
            assert_ne!(pair[0], pair[1], "{pair:?}");
            assert!(pair.iter().all(|&c| index(c).unwrap() < NUM), "{pair:?}");
            assert!(seen.insert(pair[0]) && seen.insert(pair[1]), "{pair:?}");
        }
        assert_eq!(simplified("責任編輯：李"), "责任编辑：李");
    }

    #[test]
    fn scripts_are_told_apart() {
        assert_eq!(of("同志们，这个问题要认真研究"), Script::Hans);
        assert_eq!(of("各位來賓，這個問題要認真研究"), Script::Hant);
        assert_eq!(
            of("同志们，这个问题要認真研究，請各單位注意"),
            Script::Mixed
        );
        assert_eq!(of(""), Script::Hans);
    }
}
