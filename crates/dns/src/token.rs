//! Splits one line of presentation form into its fields.

/// A quotation mark without its partner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a quoted string does not end")]
pub struct Unterminated;

/// Splits `text` at white space; quotes are removed and what they hold is one field. Escapes stay.
///
/// # Errors
/// A quoted string that does not end.
pub fn split(text: &str) -> Result<Vec<String>, Unterminated> {
    let mut tokens = Vec::new();
    let mut token: Option<String> = None;
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted => quoted = false,
            '"' => {
                quoted = true;
                token.get_or_insert_default();
            }
            '\\' => {
                let token = token.get_or_insert_default();
                token.push('\\');
                token.extend(chars.next());
            }
            c if c.is_ascii_whitespace() && !quoted => tokens.extend(token.take()),
            c => token.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err(Unterminated);
    }
    tokens.extend(token);
    Ok(tokens)
}
