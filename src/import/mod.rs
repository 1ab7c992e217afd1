//! Models of other tools, read into the model of this one.

pub mod lqn;
