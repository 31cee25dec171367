//! Walking over JSON text without building anything: a final read of a million elements is one pass over its bytes.

/// The text is not what it was taken for, or ends too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// The items of an array, one after the other; `Err`, once, where the text is none.
pub fn items(text: &str) -> Items<'_> {
    Items(Walk::over(text, b'[', b']'))
}

/// The members of an object: the key as it stands between its quotes, and the value.
pub fn members(text: &str) -> Members<'_> {
    Members(Walk::over(text, b'{', b'}'))
}

/// The first items of an array that has exactly so many.
pub fn exactly<const N: usize>(text: &str) -> Option<[&str; N]> {
    let mut found = [""; N];
    let mut items = items(text);
    for place in &mut found {
        *place = items.next()?.ok()?;
    }
    items.next().is_none().then_some(found)
}

pub fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// What stands between the quotes of a string; any other text as it is. Keys of objects are strings where the same name
/// elsewhere may be a number.
pub fn bare(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

pub struct Items<'a>(Walk<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Result<&'a str, Broken>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.step(|walk| walk.value())
    }
}

pub struct Members<'a>(Walk<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = Result<(&'a str, &'a str), Broken>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.step(|walk| {
            let key = walk.value()?.strip_prefix('"')?.strip_suffix('"')?;
            walk.skip_blank();
            walk.take(b':')?;
            Some((key, walk.value()?))
        })
    }
}

/// A place in the text of an array or object.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    closing: u8,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Broken,
    Opened,
    Going,
    Over,
}

impl<'a> Walk<'a> {
    fn over(text: &'a str, opening: u8, closing: u8) -> Self {
        let mut walk = Self { text, at: 0, closing, state: State::Broken };
        walk.skip_blank();
        if walk.take(opening).is_some() {
            walk.state = State::Opened;
        }
        walk
    }

    #[inline]
    fn step<T>(&mut self, entry: impl FnOnce(&mut Self) -> Option<T>) -> Option<Result<T, Broken>> {
        match self.state {
            State::Over => return None,
            State::Broken => {
                self.state = State::Over;
                return Some(Err(Broken));
            }
            State::Opened => {
                self.skip_blank();
                if self.take(self.closing).is_some() {
                    self.state = State::Over;
                    self.skip_blank();
                    return (self.at < self.text.len()).then_some(Err(Broken));
                }
            }
            State::Going => {}
        }
        let found = self.following(entry).ok_or(Broken);
        if found.is_err() {
            self.state = State::Over;
        }
        Some(found)
    }

    /// One entry, and what separates it from the next.
    #[inline]
    fn following<T>(&mut self, entry: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let found = entry(self)?;
        self.skip_blank();
        if self.take(b',').is_some() {
            self.state = State::Going;
            return Some(found);
        }
        self.take(self.closing)?;
        self.skip_blank();
        self.state = State::Over;
        (self.at == self.text.len()).then_some(found)
    }

    #[inline]
    fn skip_blank(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    #[inline]
    fn value(&mut self) -> Option<&'a str> {
        self.skip_blank();
        let start = self.at;
        match self.peek()? {
            b'"' => self.pass_string()?,
            b'[' | b'{' => self.pass_nested()?,
            _ => {
                let rest = &self.text.as_bytes()[start..];
                let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':' | b'"') || byte.is_ascii_whitespace();
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
            }
        }
        self.text.get(start..self.at).filter(|value| !value.is_empty())
    }

    fn pass_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    fn pass_nested(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.pass_string()?;
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Option<Vec<&str>> {
        items(text).collect::<Result<_, _>>().ok()
    }

    #[test]
    fn arrays() {
        assert_eq!(all("[]"), Some(vec![]));
        assert_eq!(all(" [ ] "), Some(vec![]));
        assert_eq!(
            all("[1, [2,\"]\"],\"a,]\\\"\",{\"x\":[4]},null]"),
            Some(vec!["1", "[2,\"]\"]", "\"a,]\\\"\"", "{\"x\":[4]}", "null"])
        );
        assert_eq!(exactly("[null, \"é\"]"), Some(["null", "\"é\""]));
        assert_eq!(exactly::<2>("[1]"), None);
        assert_eq!(exactly::<2>("[1,2,3]"), None);
    }

    #[test]
    fn objects() {
        let all = |text| members(text).collect::<Result<Vec<_>, _>>();
        assert_eq!(all("{\"a\":[1,2], \"b c\" : null}"), Ok(vec![("a", "[1,2]"), ("b c", "null")]));
        assert_eq!(all("{}"), Ok(vec![]));
        for wrong in ["{\"a\"}", "{a:1}", "{\"a\":}", "{\"a\":1", "[\"a\",1]", "{\"a\":1,}", "{\"a\":1}}"] {
            assert_eq!(all(wrong), Err(Broken), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_array_says_so_once() {
        for wrong in ["", "1", "[1", "[1,]", "[]]", "[[]", "{}", "[\"a]", "[1 2]", "[,]", "[1]]", "[\"\\", "[] []"] {
            assert_eq!(all(wrong), None, "{wrong}");
            assert_eq!(items(wrong).filter(Result::is_err).count(), 1, "{wrong}");
        }
    }
}
