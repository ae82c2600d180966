//! The circuits' tests as one program, so that what they share is compiled, linked and set up once.

mod audit;
mod canary;
mod dataset;
mod drawn;
mod errors;
mod golden;
mod index;
mod local_runs;
mod planted;
mod profile;
mod rigidity;
mod round;
mod shapes;
mod support;
mod training;
