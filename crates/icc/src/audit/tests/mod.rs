//! The audit must find what is wrong: histories of two chains, each with one thing that must not be.

mod money;
mod once;
mod signed;
mod world;
