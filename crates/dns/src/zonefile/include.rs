//! Which paths `$INCLUDE` may name.

/// Why a path must not be included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IncludePathError {
    /// Nothing is left of the path.
    #[error("the path names no file")]
    Empty,
    /// The path starts at the root, at a drive, or at a home.
    #[error("the path is absolute; only files below the config's folder can be included")]
    Absolute,
    /// The path leaves the folder by `..`.
    #[error("the path leaves the config's folder by `..`; only files below it can be included")]
    Escapes,
    /// A NUL or another control character, or a backslash.
    #[error("the path has a backslash or a control character in it")]
    Character,
}

/// Checks a path as written in `$INCLUDE`, relative to a base folder, and returns it without `.`
/// and `..` parts. It is a check of the text alone: whoever opens the file must not follow a
/// symbolic link out of the folder either.
///
/// # Errors
/// An empty or absolute path, one that leaves the base folder at any point, or one with a
/// backslash or control characters.
///
/// ```
/// use steadfast_dns::zonefile::include_path;
/// assert_eq!(include_path("zones/./common.inc").unwrap(), "zones/common.inc");
/// assert_eq!(include_path("zones/../common.inc").unwrap(), "common.inc");
/// assert!(include_path("../secret").is_err());
/// assert!(include_path("zones/../../etc/zones/x").is_err());
/// assert!(include_path("/etc/passwd").is_err());
/// ```
pub fn include_path(written: &str) -> Result<String, IncludePathError> {
    if written.chars().any(|c| c.is_control() || c == '\\') {
        return Err(IncludePathError::Character);
    }
    let drive = matches!(written.as_bytes(), [b'a'..=b'z' | b'A'..=b'Z', b':', ..]);
    if written.starts_with(['/', '~']) || drive {
        return Err(IncludePathError::Absolute);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(IncludePathError::Escapes)?;
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() || written.ends_with('/') {
        return Err(IncludePathError::Empty);
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_base_pass() {
        assert_eq!(include_path("a.inc").as_deref(), Ok("a.inc"));
        assert_eq!(include_path("./a//b/../c.inc").as_deref(), Ok("a/c.inc"));
        assert_eq!(include_path("..a/...").as_deref(), Ok("..a/..."));
        assert_eq!(include_path(""), Err(IncludePathError::Empty));
        assert_eq!(include_path("a/.."), Err(IncludePathError::Empty));
        assert_eq!(include_path("a/"), Err(IncludePathError::Empty));
        assert_eq!(include_path("/a"), Err(IncludePathError::Absolute));
        assert_eq!(include_path("~/a"), Err(IncludePathError::Absolute));
        assert_eq!(include_path("c:/a"), Err(IncludePathError::Absolute));
        assert_eq!(include_path(".."), Err(IncludePathError::Escapes));
        assert_eq!(include_path("a/../../a"), Err(IncludePathError::Escapes));
        assert_eq!(include_path("a\0b"), Err(IncludePathError::Character));
        assert_eq!(include_path("..\\a"), Err(IncludePathError::Character));
    }
}
