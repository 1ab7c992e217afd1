//! How a command ends: the exit codes, and the report that a fault of the program leaves.

use std::io::Write;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

/// Why a command ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// All is well.
    Fine,
    /// The question was answered with no.
    No,
    /// The input is wrong.
    WrongInput,
    /// A fault of the program.
    Internal,
    /// The budget ended before the wanted precision.
    BudgetEnded,
    /// Interrupted; what is finished is kept.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::No => 1,
            Exit::WrongInput => 2,
            Exit::Internal => 3,
            Exit::BudgetEnded => 4,
            Exit::Interrupted => 130,
        })
    }
}

/// Makes a panic write a report file and say where it is, instead of a stack trace.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = report(panic);
        let path = std::env::temp_dir().join(format!("cutover-fault-{}.txt", std::process::id()));
        let mut terminal = std::io::stderr().lock();
        // Nothing can be done when even the terminal is gone.
        let _ = match std::fs::write(&path, &text) {
            Ok(()) => writeln!(
                terminal,
                "error: a fault of cutover itself; please report it with {}",
                path.display()
            ),
            Err(_) => writeln!(
                terminal,
                "error: a fault of cutover itself; please report it:\n{text}"
            ),
        };
    }));
}

fn report(panic: &PanicHookInfo) -> String {
    let arguments: Vec<String> = std::env::args().collect();
    format!(
        "cutover {}\n{panic}\narguments: {}\n\n{}\n",
        env!("CARGO_PKG_VERSION"),
        arguments.join(" "),
        std::backtrace::Backtrace::force_capture()
    )
}
