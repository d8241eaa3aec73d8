//! The `steadfast` binary.

use clap::Parser;
use std::process::ExitCode;
use steadfast::args::Cli;
use steadfast::site::Style;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let style = Style::new(&cli);
    match steadfast::commands::run(&cli, style) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(fail) => {
            if style.json {
                println!("{}", fail.json());
            } else {
                eprint!("{}", fail.render(style.colour_err));
            }
            ExitCode::from(fail.exit as u8)
        }
    }
}
