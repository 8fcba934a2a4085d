//! The program as its users run it: processes, files, sockets, signals.

mod demo;
mod faults;
mod mails;
mod process;
mod stack;
mod wrong_input;
