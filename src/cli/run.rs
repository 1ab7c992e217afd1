//! `run`: plays a scenario's experiment into its folder and shows the first screen.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use indicatif::ProgressBar;

use crate::cli::arguments::{Changes, Plane, Run, Settings};
use crate::cli::exit::Exit;
use crate::cli::scenario_file::{self, Checked, InputFile};
use crate::cli::{estimate, interrupt, terminal, theory};
use crate::experiment::critical_path::critical_path as path_of;
use crate::experiment::driver::{self, Journal, Options, Progress};
use crate::experiment::result::{ExperimentResult, ReplicationResult, StopReason};
use crate::experiment::traces;
use crate::model::scenario::{Fidelity, Traces};
use crate::model::{Replications, Scenario};
use crate::report::columns::{CRITICAL_PATH, FORMAT};
use crate::report::folder::{Folder, Found, Identity, Input, Manifest, read_manifest, sha256};
use crate::report::probes::{GATES, PROBES};
use crate::report::{answer, charts, critical_path, otlp, screen, summary, tables};

/// Runs; the exit code is the answer to the scenario's assertions.
///
/// # Errors
/// What is wrong with the arguments or the folder, in words.
pub fn run(arguments: &Run) -> Result<Exit, String> {
    let wish = match &arguments.from {
        Some(manifest) => Wish::repeated(manifest)?,
        None => Wish {
            scenario: arguments.scenario.clone().ok_or("a scenario is needed")?,
            changes: arguments.changes.clone(),
            settings: arguments.settings.clone(),
            trace: arguments.trace,
        },
    };
    let changes = with_fidelity(&wish.changes, &wish.settings);
    let Some(mut checked) = scenario_file::check(&wish.scenario, &changes) else {
        return Ok(Exit::WrongInput);
    };
    apply(&wish.settings, &mut checked.scenario);
    if wish.trace {
        let usual = Traces::USUAL;
        checked.scenario.run.traces.get_or_insert(usual);
    }
    let traced = checked.scenario.run.traces.is_some();
    if traced && checked.scenario.run.fidelity != Fidelity::Request {
        return Err("a trace follows single requests: it needs `fidelity: request`".to_owned());
    }
    let identity = identity(&checked, &wish);
    let path = arguments.out.clone().unwrap_or_else(|| {
        Path::new("outputs")
            .join(&checked.scenario.name)
            .join(identity.run())
    });
    let (folder, found) = Folder::claim(&path, &identity)?;
    if let Found::Complete(_) = found {
        terminal::remark(&format!(
            "this very run is in {} already: shown again, not played again",
            path.display()
        ));
        return shown_again(&folder, arguments.json);
    }
    let kept = folder.kept_prefix();
    if kept > 0 {
        terminal::remark(&format!(
            "going on after {kept} replications that are finished"
        ));
    }
    let threads = threads(&arguments.settings);
    terminal::remark(&estimate::line(&checked.scenario, threads, kept));
    let mut result = play(&checked.scenario, threads, &folder);
    name_places_alike(&mut result);
    if result.stop == StopReason::Cancelled {
        terminal::remark(&format!(
            "interrupted: {} replications are finished and kept in {}; the same command goes on from there",
            result.replications.len(),
            path.display()
        ));
        if !result.replications.is_empty() {
            show(&checked.scenario, &result, arguments.json);
        }
        return Ok(Exit::Interrupted);
    }
    let inputs = scenario_file::inputs(&checked.files)?;
    let plan = wish
        .changes
        .plan
        .as_deref()
        .and_then(|plan| scenario_file::input_name(plan, &inputs));
    let drawn = write(&folder, &checked, &result, &inputs, arguments)?;
    let path_shown = write_traces(&folder, &checked.scenario)?;
    finish(&folder, identity, &inputs, plan, &result)?;
    show(&checked.scenario, &result, arguments.json);
    if !arguments.json {
        terminal::say(&path_shown);
        terminal::say(&places(&path, &drawn));
    }
    Ok(exit(&result))
}

/// What is to be run.
struct Wish {
    scenario: PathBuf,
    changes: Changes,
    settings: Settings,
    trace: bool,
}

impl Wish {
    /// What the manifest's run was, from the copies beside it.
    fn repeated(path: &Path) -> Result<Self, String> {
        let manifest = read_manifest(path)?;
        let version = env!("CARGO_PKG_VERSION");
        if manifest.identity.version != version {
            return Err(format!(
                "{} was written by version {}, this is {version}: only the same version repeats a run to the byte",
                path.display(),
                manifest.identity.version
            ));
        }
        let inputs = path.parent().unwrap_or(Path::new(".")).join("inputs");
        for input in &manifest.inputs {
            let copy = inputs.join(&input.file);
            let bytes = std::fs::read(&copy)
                .map_err(|error| format!("{} cannot be read: {error}", copy.display()))?;
            if sha256(&bytes) != input.sha256 {
                return Err(format!(
                    "{} is not what was run: its SHA-256 differs from the manifest's",
                    copy.display()
                ));
            }
        }
        let first = manifest
            .inputs
            .first()
            .ok_or_else(|| format!("{} names no scenario", path.display()))?;
        let mut wish = Self {
            scenario: inputs.join(&first.file),
            changes: Changes {
                plan: manifest.plan.as_ref().map(|plan| inputs.join(plan)),
                ..Changes::default()
            },
            settings: Settings::default(),
            trace: false,
        };
        for (name, value) in &manifest.identity.arguments {
            wish.put(name, value)
                .ok_or_else(|| format!("{}: `{name}` cannot be `{value}`", path.display()))?;
        }
        Ok(wish)
    }

    fn put(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "variant" => self.changes.variant = Some(value.to_owned()),
            "set" => self.changes.sets.push(value.to_owned()),
            "seed" => self.settings.seed = Some(value.parse().ok()?),
            "replications" => self.settings.replications = Some(value.parse().ok()?),
            "trace" => self.trace = true,
            "fidelity" if value == "flow" => self.settings.fidelity = Some(Plane::Flow),
            "fidelity" if value == "request" => self.settings.fidelity = Some(Plane::Request),
            _ => return None,
        }
        Some(())
    }
}

/// Puts the arguments over the scenario's settings; the fidelity is a change of the scenario.
pub fn apply(settings: &Settings, scenario: &mut Scenario) {
    if let Some(seed) = settings.seed {
        scenario.run.seed = seed;
    }
    if let Some(count) = settings.replications {
        scenario.run.replications = Replications::Fixed(count);
    }
}

/// Changes with `--fidelity` among them, so that what the plane cannot do is refused with everything else.
#[must_use]
pub fn with_fidelity(changes: &Changes, settings: &Settings) -> Changes {
    let mut changes = changes.clone();
    let plane = settings.fidelity.map(Plane::name);
    changes
        .sets
        .extend(plane.map(|name| format!("run.fidelity={name}")));
    changes
}

/// Threads to use: as asked, else one for each core.
#[must_use]
pub fn threads(settings: &Settings) -> usize {
    settings.threads.map_or_else(default_threads, usize::from)
}

/// One thread for each core.
#[must_use]
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn identity(checked: &Checked, wish: &Wish) -> Identity {
    let mut arguments: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        arguments.extend(value.map(|value| (name.to_owned(), value)))
    };
    add("variant", wish.changes.variant.clone());
    for set in &wish.changes.sets {
        add("set", Some(set.clone()));
    }
    add("seed", wish.settings.seed.map(|seed| seed.to_string()));
    add(
        "replications",
        wish.settings.replications.map(|count| count.to_string()),
    );
    add(
        "fidelity",
        wish.settings.fidelity.map(|plane| plane.name().to_owned()),
    );
    add("trace", wish.trace.then(|| "usual".to_owned()));
    Identity {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: checked.scenario.name.clone(),
        scenario_sha256: scenario_file::digest(checked),
        arguments,
        seed: checked.scenario.run.seed,
    }
}

/// Keeps replications in the run's folder.
struct FolderJournal<'a>(&'a Folder);

impl Journal for FolderJournal<'_> {
    fn load(&mut self) -> Vec<ReplicationResult> {
        self.0.all_kept()
    }

    fn store(&mut self, replication: &ReplicationResult) -> Result<(), String> {
        self.0.keep(replication)
    }
}

/// Progress over all replications, shown as one bar.
pub struct Bar {
    bar: ProgressBar,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    shares: Vec<f64>,
    most: u32,
}

impl Bar {
    /// A bar named `what`.
    #[must_use]
    pub fn new(what: &str) -> Self {
        Self {
            bar: terminal::progress(what),
            seen: Mutex::new(Seen::default()),
        }
    }

    fn draw(&self, seen: &Seen) {
        let done: f64 = seen.shares.iter().sum();
        self.bar
            .set_position((1_000.0 * done / f64::from(seen.most.max(1))) as u64);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn advanced(&self, replication: u32, share: f64) {
        let mut seen = self.seen.lock().expect("no thread panics with it");
        let index = replication as usize;
        if seen.shares.len() <= index {
            seen.shares.resize(index + 1, 0.0);
        }
        seen.shares[index] = share;
        self.draw(&seen);
    }

    fn finished(&self, done: u32, most: u32) {
        let mut seen = self.seen.lock().expect("no thread panics with it");
        seen.most = most;
        let done = done as usize;
        if seen.shares.len() < done {
            seen.shares.resize(done, 1.0);
        }
        seen.shares[..done].fill(1.0);
        self.draw(&seen);
    }
}

fn play(scenario: &Scenario, threads: usize, folder: &Folder) -> ExperimentResult {
    let bar = Bar::new(&scenario.name);
    driver::run(
        scenario,
        Options { threads },
        &mut FolderJournal(folder),
        &bar,
        interrupt::asked(),
    )
}

/// Places of assertions by the file's own name: a repeated run reads copies in another folder.
fn name_places_alike(result: &mut ExperimentResult) {
    for assertion in &mut result.assertions {
        if let Some((_, name)) = assertion.place.rsplit_once(['/', '\\']) {
            assertion.place = name.to_owned();
        }
    }
}

fn show(scenario: &Scenario, result: &ExperimentResult, json: bool) {
    let answer = answer::sentence(scenario, result);
    let theory = theory::theory(scenario, result);
    if json {
        terminal::say(&format!(
            "{:#}\n",
            summary::json(scenario, result, &answer, &theory)
        ));
    } else {
        terminal::say(&screen::first(
            scenario,
            result,
            &answer,
            &theory,
            terminal::width(),
        ));
    }
}

fn shown_again(folder: &Folder, json: bool) -> Result<Exit, String> {
    let read = |name: &str| {
        let path = folder.path().join(name);
        std::fs::read_to_string(&path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))
    };
    let text = read("summary.json")?;
    terminal::say(if json { &text } else { "" });
    if !json {
        terminal::say(&read("screen.txt")?);
        terminal::say(&places(folder.path(), &drawn_before(folder)));
    }
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("summary.json is damaged: {error}"))?;
    Ok(if value["passes"] == true {
        Exit::Fine
    } else {
        Exit::No
    })
}

fn drawn_before(folder: &Folder) -> Vec<String> {
    let names = charts::NAMES.iter();
    names
        .map(|name| format!("charts/{name}.png"))
        .filter(|name| folder.path().join(name).is_file())
        .collect()
}

fn exit(result: &ExperimentResult) -> Exit {
    match (result.passes(), &result.stop) {
        (false, _) => Exit::No,
        (true, StopReason::MaxReplications) => Exit::BudgetEnded,
        (true, _) => Exit::Fine,
    }
}

/// Where the results are.
fn places(path: &Path, drawn: &[String]) -> String {
    let mut text = String::from("\n");
    for name in drawn {
        text += &format!("chart  {}\n", path.join(name).display());
    }
    text + &format!("run    {}\n", path.display())
}

/// Writes everything but the manifest; the names of the charts.
fn write(
    folder: &Folder,
    checked: &Checked,
    result: &ExperimentResult,
    inputs: &[InputFile],
    arguments: &Run,
) -> Result<Vec<String>, String> {
    let scenario = &checked.scenario;
    for copy in inputs {
        folder.write(&format!("inputs/{}", copy.input.file), &copy.bytes)?;
    }
    folder.write("scenario.yaml", checked.resolved.as_bytes())?;
    for (name, bytes) in tables::all(scenario, result) {
        folder.write(name, &bytes)?;
    }
    let answer = answer::sentence(scenario, result);
    let theory = theory::theory(scenario, result);
    folder.write(
        "summary.json",
        format!("{:#}\n", summary::json(scenario, result, &answer, &theory)).as_bytes(),
    )?;
    folder.write(
        "screen.txt",
        screen::first(scenario, result, &answer, &theory, 100).as_bytes(),
    )?;
    folder.write(
        "environment.json",
        format!("{:#}\n", environment(&arguments.settings)).as_bytes(),
    )?;
    let mut drawn = Vec::new();
    if !arguments.no_charts {
        for (name, picture) in charts::all(scenario, result) {
            folder.write(&format!("charts/{name}.svg"), picture.svg()?.as_bytes())?;
            let png = format!("charts/{name}.png");
            folder.write_with(&png, |path| picture.write_png(path))?;
            drawn.push(png);
        }
    }
    Ok(drawn)
}

/// Writes traces and their critical path, when asked for; what of it is shown.
fn write_traces(folder: &Folder, scenario: &Scenario) -> Result<String, String> {
    let Some(wanted) = scenario.run.traces else {
        return Ok(String::new());
    };
    let spans = traces::traces(scenario, wanted, interrupt::asked())
        .map_err(|stop| format!("the traced replication stopped: {stop}"))?;
    let text =
        serde_json::to_string(&otlp::traces(scenario, &spans)).expect("spans are plain data");
    folder.write("traces.json", text.as_bytes())?;
    let path = path_of(scenario, &spans);
    folder.write(CRITICAL_PATH.file, &critical_path::table(scenario, &path))?;
    Ok(format!("\n{}", critical_path::screen(scenario, &path)))
}

/// What differs from machine to machine and from day to day.
fn environment(settings: &Settings) -> serde_json::Value {
    let host = std::env::var("HOSTNAME").ok();
    serde_json::json!({
        "finished": jiff::Timestamp::now().to_string(),
        "host": host,
        "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "threads": threads(settings),
    })
}

fn finish(
    folder: &Folder,
    identity: Identity,
    inputs: &[InputFile],
    plan: Option<String>,
    result: &ExperimentResult,
) -> Result<(), String> {
    let names = crate::report::columns::TABLES
        .iter()
        .map(|table| table.file)
        .chain(["scenario.yaml", "summary.json"])
        .chain(
            [CRITICAL_PATH.file, PROBES.file, GATES.file, "traces.json"]
                .into_iter()
                .filter(|name| folder.path().join(name).is_file()),
        );
    let mut files = Vec::new();
    for name in names {
        let path = folder.path().join(name);
        let bytes = std::fs::read(&path)
            .map_err(|error| format!("{} cannot be read back: {error}", path.display()))?;
        files.push(Input {
            file: name.to_owned(),
            sha256: sha256(&bytes),
        });
    }
    files.sort_by(|left, right| left.file.cmp(&right.file));
    folder.finish(&Manifest {
        format: FORMAT,
        run: identity.run(),
        identity,
        inputs: inputs.iter().map(|copy| copy.input.clone()).collect(),
        plan,
        stop: result.stop.clone(),
        replications: result.replications.len() as u32,
        results_sha256: result.digest.clone(),
        files,
    })
}
