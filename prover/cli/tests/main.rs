//! The command as its users meet it: files ([`cli`]), the local chain ([`chain`]), the demo ([`demo`]), the exchange
//! ([`serve`]), and what the book says of it ([`book`]). One program, so that what they share is linked once.
//!
//! Tests that watch the clock or bring memory and damaged files into the process have programs of their own: `crash`, `masked`,
//! `parsers`.

mod book;
mod chain;
mod cli;
mod demo;
mod serve;
