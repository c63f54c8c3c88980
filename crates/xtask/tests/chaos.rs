//! The promise of delivery, for half a minute of faults: what `cargo xtask chaos` shows at length.

use std::process::Command;

use serde_json::Value;

/// Of faults that this seed plans, each kind at least once.
const ACTS: [&str; 11] = [
    "kill",
    "start",
    "crash",
    "pause",
    "drop",
    "cut",
    "half",
    "delay",
    "fill",
    "deleteconsumer",
    "mood",
];

#[test]
fn whatever_dies_every_accepted_url_comes_to_the_end_that_its_page_was_made_for() {
    let args = "chaos --minutes 0.5 --pages 200 --seed 4557 --json";
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(args.split(' '))
        .output()
        .expect("xtask starts");
    let said = String::from_utf8(output.stderr).expect("messages in UTF-8");
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(report["accepted"], 200, "{report}");
    for bad in ["lost", "doubled", "stale", "wrong"] {
        assert_eq!(report[bad], 0, "{bad}: {report}");
    }
    for act in ACTS {
        assert!(report["acts"][act].as_u64() > Some(0), "{act}: {report}");
    }
}
