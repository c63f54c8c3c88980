//! The one question before much is lost for good: answered on a terminal, or beforehand by `--yes`.
//!
//! Where nobody can be asked, nothing is done: a script says `--yes`.

use std::io::{IsTerminal, Write};

use crate::exit::Usage;

/// Whether it is to be done: `what` names it, as an order.
pub(crate) fn is_meant(what: &str, is_yes: bool) -> anyhow::Result<bool> {
    decide(what, is_yes, std::io::stdin().is_terminal(), ask)
}

fn decide(
    what: &str,
    is_yes: bool,
    can_ask: bool,
    ask: impl FnOnce(&str) -> std::io::Result<String>,
) -> anyhow::Result<bool> {
    if is_yes {
        return Ok(true);
    }
    if !can_ask {
        let text = format!("{what}? There is no terminal to ask on: give --yes");
        return Err(Usage(text).into());
    }
    Ok(matches!(ask(what)?.trim(), "y" | "Y" | "yes"))
}

fn ask(what: &str) -> std::io::Result<String> {
    eprint!("{what}? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_means_it_and_without_a_terminal_only_one_given_beforehand() {
        for (answer, is_meant) in [
            ("y\n", true),
            ("yes\n", true),
            ("\n", false),
            ("n\n", false),
        ] {
            let asked = decide("Drop all", false, true, |_| Ok(answer.to_owned()));
            assert_eq!(asked.unwrap(), is_meant, "{answer:?}");
        }
        let nobody = |_: &str| panic!("nobody is asked");
        assert!(decide("Drop all", true, true, nobody).unwrap());
        assert!(decide("Drop all", true, false, nobody).unwrap());
        let refused = decide("Drop all", false, false, nobody).unwrap_err();
        assert!(refused.is::<Usage>() && refused.to_string().contains("--yes"));
    }
}
