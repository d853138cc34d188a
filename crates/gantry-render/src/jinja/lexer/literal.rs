//! Numbers and texts, as Python writes them.

use super::super::token::Kind;
use super::super::{Problem, ProblemKind};
use super::Lexer;

impl Lexer<'_> {
    pub(super) fn number(&mut self) -> Result<(), Problem> {
        let start = self.at;
        let rest = self.rest();
        // After a dot comes an index: `list.0.1`.
        let after_dot = self.source[..start].ends_with('.');
        if !after_dot && let Some(length) = float_length(rest) {
            self.at += length;
            let digits = rest[..length].replace('_', "");
            let number = digits
                .parse()
                .map_err(|_| self.wrong(start, "this is no number"))?;
            self.push(Kind::Float(number), start);
            return Ok(());
        }
        let length = integer_length(rest);
        let digits = rest[..length].replace('_', "");
        let lower = digits.to_ascii_lowercase();
        self.at += length;
        let number = match lower.get(..2) {
            Some("0x") => i64::from_str_radix(&lower[2..], 16),
            Some("0o") => i64::from_str_radix(&lower[2..], 8),
            Some("0b") => i64::from_str_radix(&lower[2..], 2),
            _ => lower.parse(),
        };
        let Ok(number) = number else {
            let message = format!("{digits} is too large a number");
            return Err(Problem::new(
                start..self.at,
                ProblemKind::Unsupported,
                message,
            ));
        };
        self.push(Kind::Int(number), start);
        Ok(())
    }

    pub(super) fn text(&mut self, quote: char) -> Result<(), Problem> {
        let start = self.at;
        let mut letters = self.rest().char_indices().skip(1);
        let length = loop {
            match letters.next() {
                Some((_, '\\')) => {
                    letters.next();
                }
                Some((at, letter)) if letter == quote => break at,
                Some(_) => {}
                None => return Err(self.wrong(start, "this text has no end")),
            }
        };
        let written = &self.rest()[1..length];
        self.at += length + 1;
        let text = unescape(written)
            .map_err(|message| Problem::new(start..self.at, ProblemKind::Unsupported, message))?;
        self.push(Kind::Str(text), start);
        Ok(())
    }
}

/// Digits with single underscores between them.
fn digits(text: &str, is_digit: fn(u8) -> bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            byte if is_digit(byte) => at += 1,
            b'_' if at > 0
                && bytes[at - 1] != b'_'
                && bytes.get(at + 1).copied().is_some_and(is_digit) =>
            {
                at += 1;
            }
            _ => break,
        }
    }
    at
}

fn decimal(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn float_length(text: &str) -> Option<usize> {
    let whole = digits(text, decimal);
    let exponent = |from: usize| {
        let rest = text[from..].strip_prefix(['e', 'E'])?;
        let sign = usize::from(rest.starts_with(['+', '-']));
        let length = digits(&rest[sign..], decimal);
        (length > 0).then_some(from + 1 + sign + length)
    };
    let fraction = text[whole..]
        .strip_prefix('.')
        .map(|rest| digits(rest, decimal));
    match fraction.filter(|length| *length > 0) {
        Some(length) => {
            let end = whole + 1 + length;
            Some(exponent(end).unwrap_or(end))
        }
        None => exponent(whole),
    }
}

fn integer_length(text: &str) -> usize {
    let based = |is_digit: fn(u8) -> bool| {
        let rest = &text[2..];
        // One underscore may follow the base.
        let skip = usize::from(rest.starts_with('_'));
        match digits(&rest[skip..], is_digit) {
            0 => None,
            length => Some(2 + skip + length),
        }
    };
    let found = match text.get(..2) {
        Some("0x" | "0X") => based(|byte| byte.is_ascii_hexdigit()),
        Some("0o" | "0O") => based(|byte| (b'0'..=b'7').contains(&byte)),
        Some("0b" | "0B") => based(|byte| matches!(byte, b'0' | b'1')),
        _ => None,
    };
    found.unwrap_or_else(|| {
        if text.starts_with('0') {
            digits(text, |byte| byte == b'0')
        } else {
            digits(text, decimal)
        }
    })
}

/// What Python's `unicode-escape` makes of the text between quotes.
fn unescape(written: &str) -> Result<String, String> {
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let letter = rest.chars().next().unwrap_or('\\');
        let mut taken = letter.len_utf8();
        match letter {
            '\n' => {}
            '\\' | '\'' | '"' => text.push(letter),
            'a' => text.push('\x07'),
            'b' => text.push('\x08'),
            'f' => text.push('\x0c'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'v' => text.push('\x0b'),
            '0'..='7' => {
                let octal = |byte: &&u8| (b'0'..=b'7').contains(*byte);
                taken = rest.bytes().take(3).take_while(|byte| octal(&byte)).count();
                text.push(scalar(
                    u32::from_str_radix(&rest[..taken], 8).ok(),
                    &rest[..taken],
                )?);
            }
            'x' | 'u' | 'U' => {
                let length = match letter {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                taken = 1 + length;
                let digits = rest
                    .get(1..taken)
                    .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
                let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                let shown: String = rest.chars().take(taken).collect();
                text.push(scalar(number, &shown)?);
            }
            'N' => return Err("`\\N{…}` is not there; write the letter itself".to_owned()),
            other if !other.is_ascii() => {
                return Err(format!("`\\{other}` is read in a way that nobody means"));
            }
            other => {
                text.push('\\');
                text.push(other);
            }
        }
        rest = &rest[taken..];
    }
    text.push_str(rest);
    Ok(text)
}

fn scalar(number: Option<u32>, written: &str) -> Result<char, String> {
    number
        .and_then(char::from_u32)
        .ok_or_else(|| format!("`\\{written}` is no letter"))
}
