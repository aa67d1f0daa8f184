//! How an event names a blob: as a keyed hash, the only form that its vocabulary has for it.

use domain::ids::{Invalid, KeyedHash};
use vault::BlobRef;

/// RFC 4648, in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const BITS: u32 = 5;

/// The key and the address of `blob` in base 32. Its owner is left out: it follows from the subject of the name that
/// stands beside.
pub(crate) fn pointer(blob: &BlobRef) -> Result<KeyedHash, Invalid> {
    let text = blob.to_string();
    let key_and_address = text.split('.').skip(1).collect::<String>();
    KeyedHash::new(&base32(key_and_address.chars().filter_map(|digit| digit.to_digit(16))))
}

/// Hexadecimal digits, four bits each, as digits of five; filled up with zeros at the end.
fn base32(hex: impl Iterator<Item = u32>) -> String {
    let mut text = String::new();
    let (mut held, mut bits) = (0, 0);
    for digit in hex {
        held = (held << 4) | digit;
        bits += 4;
        if bits >= BITS {
            bits -= BITS;
            text.push(letter(held >> bits));
            held &= (1 << bits) - 1;
        }
    }
    if bits > 0 {
        text.push(letter(held << (BITS - bits)));
    }
    text
}

fn letter(value: u32) -> char {
    char::from(BASE32[value as usize % BASE32.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_standard() {
        // "foobar" of RFC 4648, section 10.
        let foobar = "666f6f626172".chars().filter_map(|digit| digit.to_digit(16));
        assert_eq!(base32(foobar), "mzxw6ytboi");
    }

    #[test]
    fn another_blob_has_another_pointer() {
        let blob = |key: &str, address: &str| {
            let owner = "0".repeat(40);
            format!("{owner}.{}.{}", key.repeat(32), address.repeat(40)).parse::<BlobRef>().unwrap()
        };
        let pointers = [blob("1", "a"), blob("1", "b"), blob("2", "a")].map(|blob| pointer(&blob).unwrap());
        assert_eq!(pointers[0].as_str().len(), 58);
        assert!(pointers[0] != pointers[1] && pointers[0] != pointers[2] && pointers[1] != pointers[2]);
    }
}
