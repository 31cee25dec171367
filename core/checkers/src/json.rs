//! Taking JSON text apart at its top level, without building trees.

/// The elements of an array; `None` if the text is not one.
pub fn elements(text: &str) -> Option<Vec<&str>> {
    parts(text.trim().strip_prefix('[')?.strip_suffix(']')?)
}

/// The two elements of an array of two.
pub fn pair(text: &str) -> Option<(&str, &str)> {
    match elements(text)?.as_slice() {
        [first, second] => Some((first, second)),
        _ => None,
    }
}

/// The value of one field of an object; `None` if the text is not an object or lacks the field.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    parts(inside)?.into_iter().find_map(|part| {
        let value = part.strip_prefix('"')?.strip_prefix(name)?.strip_prefix('"')?.trim_start().strip_prefix(':')?;
        Some(value.trim())
    })
}

/// The members of an object: the name as it stands between its quotes, and the value. `None` if the text is not one.
pub fn members(text: &str) -> Option<Vec<(&str, &str)>> {
    let member = |part| {
        let (mut escaped, mut quotes) = (false, 0);
        let is_end = |letter: char| {
            quotes += usize::from(letter == '"' && !escaped);
            escaped = letter == '\\' && !escaped;
            quotes == 2
        };
        let part: &str = part;
        let end = part.find(is_end)?;
        Some((part.get(1..end)?, part[end + 1..].trim_start().strip_prefix(':')?.trim()))
    };
    parts(text.trim().strip_prefix('{')?.strip_suffix('}')?)?.into_iter().map(member).collect()
}

/// Splits at the commas that are not inside anything.
fn parts(inside: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut depth, mut in_string, mut escaped, mut start) = (0usize, false, false, 0);
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                parts.push(inside[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if depth > 0 || in_string {
        return None;
    }
    if !inside.trim().is_empty() {
        parts.push(inside[start..].trim());
    }
    parts.iter().all(|part| !part.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays() {
        assert_eq!(elements("[]"), Some(vec![]));
        assert_eq!(
            elements("[1,[2,3],\"a,]\\\"\",{\"x\":[4]}]"),
            Some(vec!["1", "[2,3]", "\"a,]\\\"\"", "{\"x\":[4]}"])
        );
        assert_eq!(pair("[null, 7]"), Some(("null", "7")));
        for wrong in ["", "1", "[1", "[1,]", "[]]", "[[]", "{\"a\":1}", "[\"a]"] {
            assert_eq!(elements(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn objects() {
        assert_eq!(field("{\"current\":{\"a\":1}}", "current"), Some("{\"a\":1}"));
        assert_eq!(field("{\"code\":22,\"current\":null}", "current"), Some("null"));
        assert_eq!(field("{\"currently\":1}", "current"), None);
        assert_eq!(field("{\"code\":{\"current\":1}}", "current"), None);
        assert_eq!(field("\"current\"", "current"), None);
    }
}
