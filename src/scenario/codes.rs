//! Every code of a problem with what it means and what to do, for `cutover explain CODE`. A code never changes its
//! meaning; the sentence at the place says what is wrong there.

/// What a code means, whatever the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code {
    /// `E300`.
    pub code: &'static str,
    /// A headline.
    pub title: &'static str,
    /// What it means and why it is a problem.
    pub explanation: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// The entry of a code, upper or lower case; `None` for a code that does not exist.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    CODES
        .iter()
        .find(|known| known.code.eq_ignore_ascii_case(code))
}

const fn code(
    code: &'static str,
    title: &'static str,
    explanation: &'static str,
    remedy: &'static str,
) -> Code {
    Code {
        code,
        title,
        explanation,
        remedy,
    }
}

/// All codes, sorted.
pub static CODES: &[Code] = &[
    code(
        "E001",
        "a file cannot be read",
        "The path is a directory, does not exist, may not be read, or a pattern matches no file.",
        "Check the path. It is relative to the file that names it, on the command line to the working directory.",
    ),
    code(
        "E002",
        "a file is not UTF-8",
        "Scenarios are text in UTF-8. The message names the first byte that is not, counted from 1.",
        "Save the file as UTF-8, for example with `iconv -f latin1 -t utf8`.",
    ),
    code(
        "E003",
        "a tab in the indentation",
        "YAML allows blanks only before the first word of a line.",
        "Replace tabs by blanks, two per level.",
    ),
    code(
        "E004",
        "not YAML",
        "The text breaks the rules of YAML, so nothing in the file could be read.",
        "Look at the place and just before it: an open bracket or quote, a missing comma, a column that does not fit, or `: ` inside a text without quotes.",
    ),
    code(
        "E005",
        "a key stands twice",
        "The same key stands twice in one map. Most tools keep the last in silence, so one of the two would be lost.",
        "Merge the two, or rename one.",
    ),
    code(
        "E006",
        "too deep, too large or too many",
        "The file passes a limit that no scenario needs: bytes, nested levels, values after expanding aliases, or files that extend one another. The limits protect from files made to exhaust a machine.",
        "Check that it is the right file. Share values by `classes`, `defaults` and `rules` instead of by aliases.",
    ),
    code(
        "E007",
        "an empty file",
        "There is nothing in the file but blanks and comments.",
        "`cutover init` writes a starter.",
    ),
    code(
        "E008",
        "a file extends or includes itself",
        "The files name one another in a circle, so there is no first one to start from.",
        "Remove `extends` or `include` from one of them.",
    ),
    code(
        "E009",
        "a path outside the folder",
        "`extends` and `include` stay in the folder of the file that names them or below that of the root scenario, so that a scenario can be handed over as a folder.",
        "Move or copy the file into the folder.",
    ),
    code(
        "E010",
        "a tag or a merge key",
        "`!tag` and `<<` are not read: each key knows the type of its value, and a merge key hides what differs.",
        "Remove the tag. Share values by `classes`, `defaults` or `like`.",
    ),
    code(
        "E011",
        "defined in two parts",
        "`include` joins parts that each define things of their own. Which of two definitions should hold is not said.",
        "Remove one of them. To change what a base says, let this file `extends` it.",
    ),
    code(
        "E101",
        "an unknown key",
        "No key of that name exists here. It would have no effect, so it is no harmless extra.",
        "Take the nearest key that the message names, or look at the reference. Keys that begin with `x-` are yours and are ignored.",
    ),
    code(
        "E102",
        "a key is missing",
        "Something that cannot be guessed is not written: a key without a default, or one of several of which one is needed.",
        "Write the key that the message names.",
    ),
    code(
        "E103",
        "two keys exclude one another",
        "Two keys say the same thing in different ways, and may contradict each other.",
        "Keep the one that is meant.",
    ),
    code(
        "E104",
        "not the right shape",
        "A map, a list or a single value is needed here, and something else stands there.",
        "Write it in the shape that the message names.",
    ),
    code(
        "E105",
        "another version of the language",
        "`cutover: N` is the version of the scenario language, not of the program, and this program does not know that version.",
        "Use a program that knows it, or write the scenario for the version that this one knows.",
    ),
    code(
        "E110",
        "not supported yet",
        "The key is part of the language, but the capability behind it is not built. Running without it would answer another question.",
        "Remove the key, or wait for a version that has it.",
    ),
    code(
        "E200",
        "a unit is missing",
        "Every value carries its unit: `250` could be milliseconds or seconds. Only zero needs none.",
        "Write the unit, as in `250ms`.",
    ),
    code(
        "E201",
        "an unknown unit or form",
        "The unit does not exist here, or is ambiguous: a month has no fixed length, `Gbps` may be bits or bytes.",
        "Write it as the message shows.",
    ),
    code(
        "E202",
        "the wrong kind of quantity",
        "A time stands where a ratio is needed, bytes where CPU is, or two things of different dimension are compared.",
        "Write a quantity of the kind that the message names.",
    ),
    code(
        "E203",
        "a value out of range",
        "The value can be read and cannot be meant: negative time, a limit below the request, a range whose end is before its start.",
        "Correct the value. The help shows what was probably meant.",
    ),
    code(
        "E204",
        "a comma or colon inside a distribution",
        "To YAML a comma ends the value, so the rest would become another key.",
        "Separate the arguments by blanks: `lognormal(5ms cv=1.5)`.",
    ),
    code(
        "E205",
        "not a date, time or date-time",
        "Dates are written `2026-11-03`, date-times `2026-11-03T07:00`. An hour that daylight saving skips or repeats is refused too.",
        "Write it so; add an offset such as `+01:00` where an hour exists twice.",
    ),
    code(
        "E206",
        "a form that is not read",
        "The text is no number, range, factor or amount of money as this language writes them.",
        "Write numbers without separators, ranges as `2..8`, factors as `x1.5`, money as `5 USD`.",
    ),
    code(
        "E207",
        "an unknown metric or subject",
        "What an assertion or gate measures does not exist: no such metric, or no such kind of thing.",
        "`cutover list metrics` names the metrics and what each can be asked of.",
    ),
    code(
        "E208",
        "two currencies",
        "A scenario has one currency: exchange rates change, and are not part of it.",
        "Convert all prices to one currency.",
    ),
    code(
        "E209",
        "outside the run",
        "The instant lies before the start or after the horizon, so it would never come.",
        "Move it into the run, or extend `horizon`.",
    ),
    code(
        "E300",
        "a reference to nothing",
        "A name is used that nothing has: a service, endpoint, cluster, journey, team, class or variant.",
        "Take the nearest name that the message gives, or define the thing.",
    ),
    code(
        "E301",
        "an unknown word",
        "The key takes one of a few words, and this is none of them.",
        "Take one of the words that the message lists.",
    ),
    code(
        "E302",
        "an ambiguous reference",
        "A service with several endpoints is named without saying which one is called.",
        "Write `service.endpoint`, or call one of them `default`.",
    ),
    code(
        "E303",
        "defined and never used, or defined by itself",
        "Nothing refers to the thing, in the file as it stands or any variant, so it has no effect; or it is a copy of itself.",
        "Use it, remove it, or correct the name that should refer to it.",
    ),
    code(
        "E304",
        "a path that matches nothing",
        "A path of `--set`, `provenance` or `uncertainty` names no place of the scenario, or one that cannot be set or multiplied.",
        "Check each step: names joined by dots, `[0]` for an entry of a list, `*` for all names of a level, quotes around a name with a dot.",
    ),
    code(
        "E305",
        "not a name",
        "Names are labels as in Kubernetes: a to z, 0 to 9 and hyphens, at most 63, a letter or digit at both ends.",
        "Take the nearest label that the message gives. Free text goes under `title`.",
    ),
    code(
        "E306",
        "a name is taken",
        "Two things would have the same name where it must tell them apart.",
        "Rename one of them.",
    ),
    code(
        "E310",
        "calls without end",
        "Services call one another in a circle every time, so one request would never finish.",
        "Give one of the calls a `chance` below 100%, or remove it.",
    ),
    code(
        "E401",
        "a wave splits a group",
        "`constraints.together` keeps services in one wave, and the plan moves them in different ones.",
        "Move them together, or remove the group.",
    ),
    code(
        "E402",
        "a service moves twice",
        "Two waves move the same service.",
        "Remove it from one of the two.",
    ),
    code(
        "E403",
        "a wave in a freeze",
        "A wave should start while the calendar allows no change.",
        "Move the wave, or end the freeze earlier.",
    ),
    code(
        "E404",
        "a pinned service moves",
        "`pinned: true` keeps a service where it is, and the plan moves it.",
        "Take it out of the plan, or unpin it.",
    ),
    code(
        "E405",
        "a wave breaks a constraint",
        "What stands under `migration.constraints` holds for any plan, also for one that is written by hand.",
        "Change the wave, or the constraint that the message names.",
    ),
    code(
        "E406",
        "no plan keeps all constraints",
        "No plan was found for a strategy under the constraints. The message names a smallest set of them that conflict: \
         without any one of these there is a plan.",
        "Lift or widen one of the constraints that are named.",
    ),
    code(
        "E407",
        "a strategy does not apply",
        "Some strategies need what a scenario may not have: few enough groups, written waves.",
        "Choose another strategy; `cutover list strategies` tells what each needs.",
    ),
    code(
        "W001",
        "an anchor",
        "Anchors and aliases are expanded when read: the resolved scenario does not show that the values are one.",
        "Share values by name: `classes`, `defaults`, `rules` or `like`.",
    ),
    code(
        "W104",
        "read and not modelled",
        "The key belongs to a pasted block and has no counterpart in the simulation. It is listed in the report under \"not modelled\".",
        "Nothing, if it does not matter for the question; remove it to silence the warning.",
    ),
    code(
        "W303",
        "a rule that picks nothing",
        "The selector of a rule matches no service, so the rule has no effect.",
        "Correct the selector, or remove the rule.",
    ),
    code(
        "W304",
        "an assertion about another plan",
        "An assertion speaks of a wave that only the written plan has, and another plan is used.",
        "Nothing, or give the variant its own `assert`.",
    ),
    code(
        "W405",
        "a wave is late, or earlier than its team",
        "By the plan's timetable, if nothing goes wrong, a deadline is missed, or a wave begins before its team has done \
         the work of moving.",
        "Change the wave, the deadline, or the team's capacity. The run shows what happens.",
    ),
    code(
        "W410",
        "a pod fits no node",
        "A pod asks for more than any node of its cluster has, so it will stay Pending.",
        "Use a larger machine, or ask for less.",
    ),
    code(
        "W411",
        "not enough capacity in steady state",
        "At the peak of the written load the work exceeds what the replicas can do, so queues grow without end.",
        "Add replicas or CPU, or lower the load, unless overload is what is studied.",
    ),
    code(
        "W412",
        "a gate that cannot decide",
        "The traffic of its services does not reach `minRequests` within `window`, so the gate would be inconclusive each time.",
        "Lengthen the window, lower `minRequests`, or shift more traffic in the step.",
    ),
    code(
        "W413",
        "a pool that nobody grows",
        "A range of nodes stands where the cluster has no autoscaler of nodes, so the pool stays at its least.",
        "Give the cluster a `clusterAutoscaler`, or write a fixed number.",
    ),
    code(
        "W414",
        "a rule that the flow plane leaves out",
        "Rates instead of requests cannot follow it: what is done instead is said with it.",
        "Nothing where it does not matter; else run with `fidelity: request`.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Whatever stands in quotes and looks like a code, in all files below a folder.
    fn used(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                used(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs")
                && path.file_name().is_some_and(|name| name != "codes.rs")
            {
                let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
                found.extend(
                    text.split('"')
                        .filter(|part| looks_like_code(part))
                        .map(str::to_owned),
                );
            }
        }
    }

    fn looks_like_code(text: &str) -> bool {
        text.len() == 4
            && text.starts_with(['E', 'W'])
            && text[1..].bytes().all(|byte| byte.is_ascii_digit())
    }

    #[test]
    fn every_code_in_use_is_explained() {
        let mut found = Vec::new();
        used(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scenario"),
            &mut found,
        );
        assert!(found.len() > 20, "the search for codes is broken");
        for code in found {
            assert!(find(&code).is_some(), "{code} is used and not explained");
        }
    }

    #[test]
    fn codes_are_sorted_and_stand_once_with_all_their_texts() {
        assert!(CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
        for code in CODES {
            assert!(looks_like_code(code.code), "{}", code.code);
            assert!(
                !code.title.is_empty()
                    && code.explanation.ends_with('.')
                    && code.remedy.ends_with('.'),
                "{}",
                code.code
            );
        }
    }

    #[test]
    fn a_code_is_found_in_either_case() {
        assert_eq!(
            find("e300").map(|code| code.title),
            Some("a reference to nothing")
        );
        assert_eq!(find("E999"), None);
    }
}
