//! Arguments, terminal and exit codes: the only module that prints.

pub mod arguments;

mod compare;
mod estimate;
mod exit;
mod generate;
mod hpa;
mod interrupt;
mod league;
mod list;
mod plan;
mod planning;
mod run;
mod scenario_file;
mod search;
mod starter;
mod terminal;
mod theory;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::arguments::{Arguments, Command};
use crate::cli::exit::Exit;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    exit::report_panics();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are asked for and end well.
            let exit = if error.use_stderr() {
                Exit::WrongInput
            } else {
                Exit::Fine
            };
            terminal::show_clap(&error);
            return exit.into();
        }
    };
    let answered = std::panic::catch_unwind(|| answer(&arguments.command));
    answered.unwrap_or(Exit::Internal).into()
}

fn answer(command: &Command) -> Exit {
    let answered = match command {
        Command::Run(arguments) => run::run(arguments),
        Command::Compare(arguments) => compare::compare(arguments),
        Command::Plan(arguments) => plan::plan(arguments),
        Command::Generate(arguments) => generate::generate(arguments),
        Command::Search(arguments) => search::search(arguments),
        Command::Validate(arguments) => Ok(scenario_file::validate(arguments)),
        Command::Verify(arguments) => verify::verify(arguments),
        Command::Hpa {
            what: arguments::Hpa::Replay(arguments),
        } => hpa::run(arguments),
        Command::Explain { code, json } => list::explain(code, *json),
        Command::Schema => Ok(list::schema()),
        Command::Init { file } => starter::init(file),
        Command::List { what, json } => Ok(list::list(*what, *json)),
    };
    answered.unwrap_or_else(|message| {
        terminal::complain(&message);
        Exit::WrongInput
    })
}
