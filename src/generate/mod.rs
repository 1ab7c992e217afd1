//! Synthetic programmes: services, teams, journeys and calendars of a wanted size, as the text of a scenario.
//!
//! The recipe follows published statistics of production systems where there are any (`recipe`); what is assumed
//! says so. Everything is drawn by keys: the same numbers give the same text on any machine.

pub mod facts;
mod recipe;
mod text;

pub use facts::{Fact, facts};
pub use recipe::{Layer, Made, make};
pub use text::text;

/// What to make.
#[derive(Clone, PartialEq, Debug)]
pub struct Wish {
    /// Name of the scenario.
    pub name: String,
    /// Services.
    pub services: usize,
    /// Teams.
    pub teams: usize,
    /// Seed.
    pub seed: u64,
    /// Share of calls that planners do not know of, 0 to 1.
    pub hidden: f64,
    /// Replicas of all services together.
    pub pods: usize,
}

/// A named size: services and teams, and who had so many.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// As written.
    pub name: &'static str,
    /// Services.
    pub services: usize,
    /// Teams.
    pub teams: usize,
    /// Where the numbers come from.
    pub source: &'static str,
}

/// All presets, by size.
pub static PRESETS: &[Preset] = &[
    Preset {
        name: "tinder",
        services: 200,
        teams: 25,
        source: "200 services (Tinder, EC2 to Kubernetes); teams assumed at 8 services each",
    },
    Preset {
        name: "skyscanner",
        services: 300,
        teams: 40,
        source: "300 services, more than 40 teams (Skyscanner, data centres to AWS)",
    },
    Preset {
        name: "lyft",
        services: 600,
        teams: 60,
        source: "600 services (Lyft, EC2 to Kubernetes); teams assumed at 10 services each",
    },
    Preset {
        name: "airbnb",
        services: 700,
        teams: 70,
        source: "700 services (Airbnb, Chef to Kubernetes); teams assumed at 10 services each",
    },
    Preset {
        name: "spotify-dc",
        services: 1_200,
        teams: 100,
        source: "1,200 services, more than 100 teams (Spotify, data centres to Google Cloud)",
    },
];
