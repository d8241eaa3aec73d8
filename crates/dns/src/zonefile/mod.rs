//! Zone files (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5), without IO.
//!
//! [`parse`] reads a whole file or says what is wrong with it, several problems at a time, each at
//! its file, line and column; it never returns half a zone. [`write()`] writes a zone that [`parse`]
//! reads back as it was. Time is linear in the text (sorting aside), and no line, token or nest of
//! includes can make it take memory without bound.
//!
//! As BIND, and beyond the RFCs: TTLs and the times of an SOA may have units (`1h30m`), TTL and
//! class may stand in either order, parentheses may nest, and `$TTL` in an included file lasts
//! after it. Unlike BIND, a record outside of the zone and a zone without any TTL are errors, and
//! `$GENERATE` is refused.

mod build;
mod directives;
mod fields;
mod include;
mod lexer;
mod parser;
mod problem;
mod words;
mod writer;

#[cfg(test)]
mod tests;

pub use include::{IncludePathError, include_path};
pub use problem::Problem;
pub use writer::write;

use crate::name::Name;
use crate::zone::Zone;

/// Octets of one token at most, quotes not counted. The longest that a record can need is 131,070
/// (the data of RFC 3597 form in one word).
pub const MAX_TOKEN: usize = 256 * 1024;
/// Octets of all tokens of one record at most, over however many lines it goes.
pub const MAX_RECORD: usize = 1024 * 1024;
/// How deep includes nest at most.
pub const MAX_INCLUDE_DEPTH: usize = 8;
/// How many includes there are at most in all, nested or not.
pub const MAX_INCLUDES: usize = 1000;
/// Octets of a zone file and all that it includes at most.
pub const MAX_TEXT: usize = u32::MAX as usize - 1;

/// How to read a zone file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether a zone without SOA is an error (the default). Without it a file cut at the end of a
    /// line can pass for a whole one.
    pub require_soa: bool,
    /// The TTL in seconds of records that have none and no `$TTL` before them. None by default:
    /// such a record is an error.
    pub default_ttl: Option<u32>,
    /// After how many errors reading stops.
    pub max_errors: usize,
    /// How many warnings are kept.
    pub max_warnings: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            require_soa: true,
            default_ttl: None,
            max_errors: 20,
            max_warnings: 100,
        }
    }
}

/// A zone, and what may be wrong with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// All RRsets of the file, those that servers make (RRSIG, NSEC…) included.
    pub zone: Zone,
    /// What is allowed but likely a mistake, in the order of the text; at most
    /// [`Options::max_warnings`].
    pub warnings: Vec<Problem>,
    /// How many more warnings there were.
    pub more_warnings: usize,
}

/// Gets the text of an included file: called with the path as written and the display name of the
/// including file, it returns the included file's display name and octets, or why not. Which files
/// may be included is for the loader to decide; [`include_path`] helps. A display name that is
/// already being read is taken for a loop.
pub type Loader<'a> = dyn FnMut(&str, &str) -> Result<(String, Vec<u8>), String> + 'a;

/// A loader for text that must not include anything.
///
/// # Errors
/// Always.
pub fn no_includes(_path: &str, _from: &str) -> Result<(String, Vec<u8>), String> {
    Err("nothing can be included here".into())
}

/// Reads the zone file `text` of the zone `apex`; `file` is how problems name it.
///
/// # Errors
/// All errors found, in the order of the text, at most [`Options::max_errors`]; never empty.
pub fn parse(
    text: &[u8],
    file: &str,
    apex: &Name,
    opts: &Options,
    loader: &mut Loader<'_>,
) -> Result<Parsed, Vec<Problem>> {
    parser::run(text, file, apex, opts, loader)
}
