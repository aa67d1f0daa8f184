//! References to characters, as browsers read them.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;
use markup5ever::data::NAMED_ENTITIES;

use super::feed::{Flaw, Flaws};

/// The longest name of a character, in bytes: whatever is longer is no reference.
const REFERENCE_MAX: usize = 40;

/// The characters that a reference means: a number, or one of HTML's names.
pub(super) fn characters(name: &str) -> Option<String> {
    let Some(number) = name.strip_prefix('#') else {
        if name.len() > REFERENCE_MAX {
            return None;
        }
        let (first, second) = NAMED_ENTITIES.get(&*format!("{name};"))?;
        let characters = [*first, *second].into_iter().filter(|code| *code != 0).map(char::from_u32);
        return characters.collect();
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    let code = code.ok()?;
    let character = of_windows(char::from_u32(code)?);
    (character != '\0').then(|| character.to_string())
}

/// The character that was meant by the number of a control character: whoever writes one has it from Windows.
pub(super) fn of_windows(character: char) -> char {
    let Ok(byte @ 0x80..=0x9F) = u8::try_from(u32::from(character)) else { return character };
    WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next().unwrap_or(character)
}

/// A value with its references read.
pub(super) fn unescaped<'a>(value: &'a str, flaws: &mut Flaws) -> Cow<'a, str> {
    if !value.contains(['&', '\0']) {
        return Cow::Borrowed(value);
    }
    let mut read = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('&') {
        read.push_str(before);
        let end = after.bytes().take(REFERENCE_MAX + 1).position(|byte| byte == b';');
        let known = end.and_then(|end| Some((characters(&after[..end])?, &after[end + 1..])));
        match known {
            Some((characters, after)) => {
                read.push_str(&characters);
                rest = after;
            }
            None => {
                if end.is_some() {
                    flaws.insert(Flaw::UnknownEntity);
                }
                read.push('&');
                rest = after;
            }
        }
    }
    read.push_str(rest);
    Cow::Owned(read.replace('\0', ""))
}
