//! Keys of endpoints and of the steps of their programs.

use super::{NOTES, TITLE, Table, key, required};

/// An endpoint in long form.
pub static ENDPOINT: Table = Table {
    noun: "endpoint",
    path: "services.NAME.endpoints.NAME",
    keys: &[
        TITLE,
        NOTES,
        required("steps", "list of steps", "the program"),
        key(
            "errors",
            "ratio",
            "0%",
            "requests that fail after their work",
        ),
        key(
            "access",
            "one of: read, write",
            "read",
            "what it does to state",
        ),
        key(
            "priority",
            "integer",
            "0",
            "who goes first in the waiting room: larger before smaller",
        ),
    ],
};

/// A step: one kind, `times`, `chance`, and what a call takes.
pub static STEP: Table = Table {
    noun: "step",
    path: "services.NAME.steps[]",
    keys: &[
        key("work", "distribution of durations", "", "CPU time"),
        key(
            "wait",
            "distribution of durations",
            "",
            "time off the CPU, holding the slot",
        ),
        key("call", "endpoint", "", "a call that is waited for"),
        key("parallel", "list of steps", "", "all at once"),
        key(
            "choose",
            "list of {weight, do}",
            "",
            "one of them by weight",
        ),
        key("do", "list of steps", "", "a group"),
        key(
            "reply",
            "bytes",
            "1kB",
            "sends the reply, of this size; what follows is second-phase work in the same slot",
        ),
        key(
            "times",
            "count or distribution",
            "1",
            "how many times, in sequence",
        ),
        key("chance", "ratio", "100%", "whether it is done at all"),
        key("sends", "bytes", "1kB", "size of the request of a call"),
        key("async", "endpoint", "", "a call that is not waited for"),
        key(
            "forward",
            "endpoint",
            "",
            "this endpoint replies to the caller instead; what follows is second-phase work",
        ),
        key("cache", "cache", "", "a look into a cache of the service"),
        key("hit", "list of steps", "", "after a hit"),
        key("miss", "list of steps", "", "after a miss"),
        key(
            "join",
            "all or count",
            "all",
            "how many branches of `parallel` must succeed before it goes on",
        ),
        key(
            "fanout",
            "count or distribution",
            "1",
            "copies of the branches of `parallel`",
        ),
        key(
            "hidden",
            "true or false",
            "false",
            "a call that the planner does not know of; the world makes it all the same",
        ),
    ],
};

/// A branch of `choose`.
pub static BRANCH: Table = Table {
    noun: "branch",
    path: "services.NAME.steps[].choose[]",
    keys: &[
        required("weight", "number", "weight among the branches"),
        required("do", "list of steps", "what is done"),
    ],
};
