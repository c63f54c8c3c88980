//! What is derived of some texts, and by whom it is known again.

use messages::{Message, SpeechChange};
use proptest::prelude::*;

use super::*;

/// The golden speech, with what travels with it.
fn upsert() -> Upsert {
    let golden = include_bytes!("../../../messages/golden/speech_change_upsert.json");
    match SpeechChange::decode("", golden) {
        Ok(SpeechChange::Upsert(upsert)) => *upsert,
        other => panic!("{other:?}"),
    }
}

fn speech(title: &str, text: &str) -> Speech {
    let mut speech = upsert().speech;
    speech.title = title.to_owned();
    speech.text = text.to_owned();
    speech
}

const SIMPLIFIED: &str = "同志们：\n房地产企业要按时交付，未成年人的事无小事。发改委、住房和城乡建设部要一起研究，\
    把马克思主义学好，把营商环境办好。\n一、办好营商环境\n重庆的银行行长说：2021年的事，二十条办法都办完了。";
const TRADITIONAL: &str = "各位來賓：\n鄉村振興是大事，檔案工作也是大事。傳承人要後繼有人，發改委要統籌。\n\
    一、鄉村振興要靠人\n乾坤朗朗，後來者居上。";
const MIXED: &str = "女士们、先生们：\n鄉村振兴靠人，檔案工作靠制度。ＡＢＣ abc，鄉村振兴，𠀀𠀁。\n\n　　农民工工資要按月發。";

/// What is in the lists may change what is derived of texts that are not here.
const LISTS: [&str; 3] = [
    include_str!("../../lists/dictionary.txt"),
    include_str!("../../lists/pinyin.txt"),
    include_str!("../../lists/simplified.txt"),
];

#[test]
fn what_is_derived_of_these_texts_changes_only_with_the_revision() {
    let speeches = [
        speech("在营商环境会议上的讲话", SIMPLIFIED),
        speech("在鄉村振興會議上的講話", TRADITIONAL),
        speech("农民工问题", MIXED),
        speech("", ""),
        speech(
            "无题",
            &[SIMPLIFIED, TRADITIONAL, MIXED].join("\n").repeat(3),
        ),
    ];
    let derived: Vec<Derived> = speeches.iter().map(derive).collect();
    let lines = LISTS.iter().flat_map(|list| list.lines());
    let lists: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    let json = serde_json::to_vec(&(derived, lists)).unwrap();
    let print = json.iter().fold(0xcbf2_9ce4_8422_2325, |print: u64, byte| {
        (print ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!((REVISION, print), (1, 7_085_959_132_972_554_949));
}

#[test]
fn what_travels_with_the_golden_speech_is_derived_of_it() {
    let upsert = upsert();
    assert_eq!(upsert.derived, Some(derive(&upsert.speech)));
}

#[test]
fn what_another_revision_derived_is_derived_anew_and_what_is_current_is_not() {
    let mut upsert = upsert();
    let ours = derive(&upsert.speech);
    let other = Derived {
        revision: REVISION,
        ..Derived::default()
    };
    for (revision, expected) in [(REVISION, &other), (REVISION + 1, &ours), (0, &ours)] {
        upsert.derived = Some(Derived {
            revision,
            ..other.clone()
        });
        assert_eq!(derived(&upsert).as_ref(), expected);
        renew(&mut upsert);
        assert_eq!(upsert.derived.as_ref(), Some(expected));
    }
    upsert.derived = None;
    assert_eq!(derived(&upsert).as_ref(), &ours);
}

#[test]
fn a_sketch_that_is_none_is_made_of_the_text() {
    let mut upsert = upsert();
    let ours = Sketch::of(&upsert.speech.text);
    assert_eq!(sketch(&upsert), ours);
    let travelled = Sketch::of("同志们：今天我们在云河市召开防汛工作会议。");
    for (text, expected) in [
        (travelled.to_text().as_str(), &travelled),
        ("?", &ours),
        ("", &ours),
    ] {
        upsert.derived = Some(Derived {
            revision: REVISION,
            sketch: text.to_owned(),
            ..Derived::default()
        });
        assert_eq!(&sketch(&upsert), expected);
    }
    upsert.derived = upsert.derived.map(|derived| Derived {
        revision: REVISION + 1,
        sketch: travelled.to_text(),
        ..derived
    });
    assert_eq!(sketch(&upsert), ours);
}

proptest! {
    #[test]
    fn any_text_gives_the_same_answer_twice(title in any::<String>(), text in any::<String>(), han in "[㐀-鿿，。 0-9a-z\\n]{0,200}") {
        let speech = speech(&title, &(text + &han));
        prop_assert_eq!(derive(&speech), derive(&speech));
    }
}
