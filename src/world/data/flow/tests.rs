//! Expectations of the flow plane derived by hand.
