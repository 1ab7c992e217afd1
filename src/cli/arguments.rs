//! The command line as types. What a command does is in the file of its name.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Rehearses a cluster migration before anyone touches production.
#[derive(Parser, Debug)]
#[command(
    name = "cutover",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Simulate the scenario's plan: a sentence, a table, charts and a run folder
    Run(Run),
    /// Tell two variants, plans or scenarios apart on the same random numbers
    Compare(Compare),
    /// Make a plan (waves) with a named strategy, as a file that can be edited and run
    Plan(Plan),
    /// Search for a better plan on the scenario's objective, and confirm it by simulation
    Search(Search),
    /// Write a synthetic programme of a wanted size as a scenario
    Generate(Generate),
    /// Check scenarios and report every problem at once
    Validate(Validate),
    /// Rerun the validation: facts with known answers against the code that simulates
    Verify(Verify),
    /// Try a scaling policy on recorded metrics
    Hpa {
        /// What to do
        #[command(subcommand)]
        what: Hpa,
    },
    /// Explain the code of a problem
    Explain {
        /// Code, such as E300
        code: String,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the scenario language
    Schema,
    /// Write a small scenario that runs
    Init {
        /// File to write; it must not exist
        #[arg(default_value = "scenario.yaml")]
        file: PathBuf,
    },
    /// List what can be named: metrics, checks, strategies, distributions, methods, shapes, policies
    List {
        /// What to list
        what: Listed,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
}

/// `hpa`.
#[derive(Subcommand, Debug)]
pub enum Hpa {
    /// Play recorded metrics through a policy: decisions with reasons, a table and a chart
    Replay(HpaReplay),
}

/// `hpa replay`.
#[derive(Args, Debug)]
pub struct HpaReplay {
    /// Manifest of a HorizontalPodAutoscaler or ScaledObject, its spec, or an entry of `scaling`
    #[arg(long, value_name = "FILE")]
    pub spec: PathBuf,
    /// CSV (time, then totals over all pods by column name) or the answer of a Prometheus range query
    #[arg(long, value_name = "FILE")]
    pub metrics: PathBuf,
    /// Tells series apart, or names them for the policy: `[NAME=]METRIC[{label="value", ...}]`; several are added up, and what it does not speak of keeps its name
    #[arg(long, value_name = "SELECTOR")]
    pub series: Vec<String>,
    /// CPU request of a pod [default: 1]
    #[arg(long, value_name = "CPU")]
    pub request: Option<String>,
    /// Memory request of a pod [default: 256Mi]
    #[arg(long, value_name = "BYTES")]
    pub memory_request: Option<String>,
    /// From the wish to a ready pod [default: 30s]
    #[arg(long, value_name = "TIME")]
    pub start_up: Option<String>,
    /// Replicas at the start [default: the first of column `replicas`, else the fewest]
    #[arg(long, value_name = "N")]
    pub initial: Option<u32>,
    /// Time between two looks of the controller [default: 15s]
    #[arg(long, value_name = "TIME")]
    pub sync: Option<String>,
    /// Interval of the metrics pipeline: younger pods have no sample [default: 15s]
    #[arg(long, value_name = "TIME")]
    pub resolution: Option<String>,
    /// The controller's tolerance [default: 10%]
    #[arg(long, value_name = "RATIO")]
    pub tolerance: Option<String>,
    /// The controller's down-scale window [default: 5m]
    #[arg(long, value_name = "TIME")]
    pub downscale_stabilization: Option<String>,
    /// Folder to write to [default: outputs/hpa-replay/METRICS]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Draw no chart
    #[arg(long)]
    pub no_charts: bool,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// What `list` knows.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listed {
    /// What assertions and gates can speak of
    Metrics,
    /// Problems that are looked for
    Checks,
    /// Ways to order a migration
    Strategies,
    /// Random quantities
    Distributions,
    /// Ways to shift a service
    Methods,
    /// Shapes of load
    Shapes,
    /// Scaling policies
    Policies,
    /// What may break
    Faults,
}

/// How much is simulated of each request.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plane {
    /// Every request through every queue
    Request,
    /// Rates over the call graph
    Flow,
    /// Rates, with windows in which every request is played
    Zoom,
}

impl Plane {
    /// As written on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Flow => "flow",
            Self::Zoom => "zoom",
        }
    }
}

/// Changes to a scenario, shared by all commands that read one.
#[derive(Args, Clone, Default, Debug)]
pub struct Changes {
    /// Variant of the scenario to use
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// Plan file that replaces the scenario's plan
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Change a value, such as services.cart.replicas=3 (repeatable)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
}

/// Settings of an experiment, shared by `run` and `compare`.
#[derive(Args, Clone, Default, Debug)]
pub struct Settings {
    /// Seed of all random numbers
    #[arg(long)]
    pub seed: Option<u64>,
    /// Number of replications
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub replications: Option<u32>,
    /// How much is simulated of each request
    #[arg(long)]
    pub fidelity: Option<Plane>,
    /// Threads to use; results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub threads: Option<u16>,
}

/// `run`.
#[derive(Args, Debug)]
pub struct Run {
    /// Scenario file
    #[arg(required_unless_present = "from")]
    pub scenario: Option<PathBuf>,
    /// Folder of the run (default: outputs/SCENARIO/RUN)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Repeat the run of this manifest.json, to the byte
    #[arg(long, value_name = "MANIFEST", conflicts_with_all = ["scenario", "variant", "plan", "sets", "seed", "replications", "fidelity"])]
    pub from: Option<PathBuf>,
    /// Trace sampled user actions: traces.json for any trace viewer, and their critical path
    #[arg(long, conflicts_with = "from")]
    pub trace: bool,
    /// Draw no charts
    #[arg(long)]
    pub no_charts: bool,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    /// Changes to the scenario.
    #[command(flatten)]
    pub changes: Changes,
    /// Settings of the experiment.
    #[command(flatten)]
    pub settings: Settings,
}

/// `compare`.
#[derive(Args, Debug)]
pub struct Compare {
    /// One scenario (its variants are compared) or several
    #[arg(required = true)]
    pub scenarios: Vec<PathBuf>,
    /// Variants to compare; `base` is the scenario as written
    #[arg(
        long,
        value_name = "NAME,NAME",
        value_delimiter = ',',
        conflicts_with = "plans"
    )]
    pub variants: Vec<String>,
    /// Plan files to compare; `base` is the scenario's own plan
    #[arg(long, value_name = "FILE,FILE", value_delimiter = ',')]
    pub plans: Vec<PathBuf>,
    /// Scaling policies to compare, each on all services that are scaled: who keeps the objectives for least
    #[arg(
        long,
        value_name = "NAME,NAME",
        value_delimiter = ',',
        conflicts_with_all = ["plans", "variants"]
    )]
    pub policies: Vec<String>,
    /// Strategies to compare on the scenario's objective, or `all`
    #[arg(
        long,
        value_name = "NAME,NAME",
        value_delimiter = ',',
        conflicts_with_all = ["plans", "variants", "policies"]
    )]
    pub strategies: Vec<String>,
    /// Folder for the league table and its chart
    #[arg(long, value_name = "DIR", requires = "strategies")]
    pub out: Option<PathBuf>,
    /// Play every strategy's plan as often as the best ones, in one stage
    #[arg(long, requires = "strategies")]
    pub in_full: bool,
    /// Change a value in all of them (repeatable)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the experiment.
    #[command(flatten)]
    pub settings: Settings,
}

/// `plan`.
#[derive(Args, Debug)]
pub struct Plan {
    /// Scenario file
    pub scenario: PathBuf,
    /// How to order the migration; `cutover list strategies` names the ways. Without it: the scenario's plan
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
    /// Least time between the starts of two waves, such as 1w
    #[arg(long, value_name = "DURATION", requires = "strategy")]
    pub every: Option<String>,
    /// Seed of strategies that draw
    #[arg(long, value_name = "N", requires = "strategy")]
    pub seed: Option<u64>,
    /// Plan file to write; calendar and charts are written beside it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Draw no charts
    #[arg(long)]
    pub no_charts: bool,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    /// Changes to the scenario.
    #[command(flatten)]
    pub changes: Changes,
}

/// What judges plans in `search`, cheapest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Evaluator {
    /// Timetable and traffic.
    Graph,
    /// The flow plane.
    Flow,
    /// The scenario's own plane.
    #[default]
    Simulation,
}

/// `search`.
#[derive(Args, Debug)]
pub struct Search {
    /// Scenario file
    pub scenario: PathBuf,
    /// Budget of the graph stage: a time such as 30s, or evaluations such as 10M (reproducible): a costed
    /// change is one, a packed order ten a group [default: 10M]
    #[arg(long, value_name = "T|N")]
    pub budget: Option<String>,
    /// Fresh replications that confirm the choice
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub confirm: u32,
    /// What judges plans before the confirmation: `graph` alone (nothing is confirmed), `flow` (halving on the flow
    /// plane), or `simulation` (halving on the scenario's own plane)
    #[arg(long, value_enum, default_value_t)]
    pub evaluator: Evaluator,
    /// Confirm against every named strategy, not only the best that does not itself search
    #[arg(long)]
    pub against_all: bool,
    /// Plan file to start from, and to replace when it is also `--out`
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Plan file to write
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    /// Changes to the scenario.
    #[command(flatten)]
    pub changes: Changes,
    /// Settings of the experiment.
    #[command(flatten)]
    pub settings: Settings,
}

/// `generate`.
#[derive(Args, Debug)]
pub struct Generate {
    /// Size of a known migration: tinder, skyscanner, lyft, airbnb, spotify-dc
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Number of services
    #[arg(long, value_name = "N")]
    pub services: Option<usize>,
    /// Number of teams
    #[arg(long, value_name = "N")]
    pub teams: Option<usize>,
    /// Seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Share of calls that planners do not know of
    #[arg(long, value_name = "RATIO", default_value = "10%")]
    pub hidden_edges: String,
    /// Replicas of all services together (default: four a service)
    #[arg(long, value_name = "N")]
    pub pods: Option<usize>,
    /// File to write; it must not exist (default: standard output)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `validate`.
#[derive(Args, Debug)]
pub struct Validate {
    /// Scenario files
    #[arg(required = true)]
    pub scenarios: Vec<PathBuf>,
    /// Warnings count as errors
    #[arg(long)]
    pub strict: bool,
    /// Print the scenario as resolved, with the origin of each value
    #[arg(long)]
    pub resolved: bool,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    /// How much is simulated of each request: names what it cannot follow
    #[arg(long)]
    pub fidelity: Option<Plane>,
    /// Changes to the scenario.
    #[command(flatten)]
    pub changes: Changes,
}

/// `verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// Folder of case files
    #[arg(long, value_name = "DIR", default_value = "tests/cases")]
    pub cases: PathBuf,
    /// Kinds to check; KIND:TEXT checks only cases whose id or group contains TEXT
    #[arg(long, value_name = "KIND,KIND", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Time for everything together, such as 5m; without it each kind works to its stated precision
    #[arg(long, value_name = "TIME")]
    pub budget: Option<String>,
    /// Threads to use
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub threads: Option<u16>,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    /// Renew docs/validation.md
    #[arg(long, conflicts_with_all = ["budget", "only", "cases"])]
    pub write: bool,
}
