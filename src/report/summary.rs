//! `summary.json`: what the first screen says, for programs. Written only from results, so it is the same each time.

use serde_json::{Value, json};

use crate::experiment::result::ExperimentResult;
use crate::model::Scenario;
use crate::report::columns::FORMAT;
use crate::report::probes;
use crate::report::screen::Theory;

/// The summary as JSON. Unknown numbers are `null`.
#[must_use]
pub fn json(
    scenario: &Scenario,
    result: &ExperimentResult,
    answer: &str,
    theory: &Theory,
) -> Value {
    let theory = match theory {
        Theory::None(why) => json!({ "none": why }),
        Theory::Rows(rows) => rows
            .iter()
            .map(|row| json!({ "what": row.what, "unit": "s", "theory": row.theory, "simulated": row.simulated }))
            .collect(),
    };
    let provenance = &scenario.provenance;
    let mut summary = json!({
        "format": FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "scenario": result.scenario,
        "title": scenario.title,
        "answer": answer,
        "passes": result.passes(),
        "stop": result.stop,
        "seed": result.seed,
        "replications": result.replications.len(),
        "confidence": result.confidence,
        "currency": scenario.currency,
        "metrics": result.metrics,
        "assertions": result.assertions,
        "theory": theory,
        "provenance": {
            "measured": provenance.measured,
            "documented": provenance.documented,
            "assumed": provenance.assumed,
            "defaulted": provenance.defaulted,
        },
        "resultsSha256": result.digest,
    });
    if scenario.run.fidelity.has_rates() {
        // Request by request there is no such error.
        summary["percentileErrors"] = probes::errors(result);
    }
    summary
}
