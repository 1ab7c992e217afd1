//! The request plane: every request through every queue.

mod accounts;
mod calls;
mod execute;
mod frame;
mod plane;
mod processor;
mod program;
mod replica;
mod users;

pub use plane::RequestPlane;

#[cfg(test)]
mod tests;
