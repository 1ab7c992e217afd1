//! `generate`: a synthetic programme as a scenario file, with its statistics beside those of the sources.

use crate::cli::arguments::Generate;
use crate::cli::exit::Exit;
use crate::cli::terminal;
use crate::generate::{PRESETS, Wish, facts, make, text};
use crate::report::screen;

/// Replicas of a service when nothing is said: a tenth of what production systems have, so that runs stay small.
const PODS: usize = 4;

/// Writes a scenario.
///
/// # Errors
/// The preset is unknown, the numbers make no system, or the file exists.
pub fn generate(arguments: &Generate) -> Result<Exit, String> {
    let preset = match &arguments.preset {
        None => None,
        Some(name) => Some(PRESETS.iter().find(|one| one.name == name).ok_or_else(|| {
            let names: Vec<&str> = PRESETS.iter().map(|one| one.name).collect();
            format!("`{name}` is no preset: there are {}", names.join(", "))
        })?),
    };
    let services = arguments
        .services
        .or(preset.map(|one| one.services))
        .ok_or("how many services? give `--services N` or `--preset NAME`")?;
    let teams = arguments
        .teams
        .or(preset
            .filter(|one| one.services == services)
            .map(|one| one.teams))
        .unwrap_or_else(|| services.div_ceil(10));
    if !(8..=20_000).contains(&services) || teams == 0 || teams > services {
        return Err(format!(
            "{services} services of {teams} teams: between 8 and 20,000 services, at least one for each team"
        ));
    }
    let hidden =
        crate::scenario::grammar::parse_probability(&arguments.hidden_edges, "hidden-edges")
            .map_err(|_| {
                format!(
                    "`{}` is no ratio: write for example `10%`",
                    arguments.hidden_edges
                )
            })?;
    let name = preset.map_or_else(
        || format!("synthetic-{services}"),
        |one| one.name.to_owned(),
    );
    let made = make(&Wish {
        name,
        services,
        teams,
        seed: arguments.seed,
        hidden,
        pods: arguments.pods.unwrap_or(services * PODS),
    });
    let yaml = text(&made);
    match &arguments.out {
        None => terminal::say(&yaml),
        Some(path) => {
            use std::io::Write;
            let file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(path);
            file.and_then(|mut file| file.write_all(yaml.as_bytes()))
                .map_err(|error| match error.kind() {
                    std::io::ErrorKind::AlreadyExists => {
                        format!(
                            "{} exists and was left alone; give another name",
                            path.display()
                        )
                    }
                    _ => format!("{} cannot be written: {error}", path.display()),
                })?;
            terminal::remark(&format!("{} is written", path.display()));
        }
    }
    let rows: Vec<[String; 3]> = facts(&made)
        .into_iter()
        .map(|fact| [fact.name.to_owned(), fact.here, fact.source.to_owned()])
        .collect();
    let mut remark = screen::table(&["statistic", "here", "source"], &rows);
    if let Some(preset) = preset {
        remark += &format!("{}: {}", preset.name, preset.source);
    }
    terminal::remark(remark.trim_end());
    Ok(Exit::Fine)
}
