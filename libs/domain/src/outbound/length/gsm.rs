//! Short messages: 3GPP TS 23.038 (GSM 03.38) and the concatenation of TS 23.040.

/// The basic table, without the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡\
                     ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table: an escape and one more.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// What one message carries alone, and each of several beside the header that joins them.
const SEPTETS: Capacity = Capacity { alone: 160, each: 153 };
const UCS2_UNITS: Capacity = Capacity { alone: 70, each: 67 };

#[derive(Clone, Copy)]
struct Capacity {
    alone: usize,
    each: usize,
}

/// A text that becomes short messages. Both encodings are counted, since the last character may decide between them.
pub(super) struct Sms {
    gsm: Packing,
    ucs2: Packing,
    /// Whether all of it is in the tables of GSM 03.38.
    plain: bool,
}

/// How units are put into messages.
struct Packing {
    capacity: Capacity,
    total: usize,
    full: usize,
    in_last: usize,
}

impl Sms {
    pub(super) const fn new() -> Self {
        Self { gsm: Packing::new(SEPTETS), ucs2: Packing::new(UCS2_UNITS), plain: true }
    }

    pub(super) fn push(&mut self, c: char) {
        match septets(c) {
            Some(septets) => self.gsm.push(septets),
            None => self.plain = false,
        }
        self.ucs2.push(c.len_utf16());
    }

    pub(super) const fn segments(&self) -> usize {
        if self.plain { self.gsm.segments() } else { self.ucs2.segments() }
    }
}

impl Packing {
    const fn new(capacity: Capacity) -> Self {
        Self { capacity, total: 0, full: 0, in_last: 0 }
    }

    /// Adds units that must stay in one message.
    const fn push(&mut self, units: usize) {
        self.total += units;
        if self.in_last + units > self.capacity.each {
            self.full += 1;
            self.in_last = units;
        } else {
            self.in_last += units;
        }
    }

    const fn segments(&self) -> usize {
        match self.total {
            0 => 0,
            total if total <= self.capacity.alone => 1,
            _ => self.full + 1,
        }
    }
}

/// How many septets a character takes; none if it is in neither table.
fn septets(c: char) -> Option<usize> {
    match c {
        // Most of what is written.
        'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' => Some(1),
        c if BASIC.contains(c) => Some(1),
        c if EXTENSION.contains(c) => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        assert_eq!(BASIC.chars().count(), 127, "128 codes, one of which is the escape");
        assert_eq!(EXTENSION.chars().count(), 10);
        assert!(!BASIC.chars().any(|c| EXTENSION.contains(c)));
        assert_eq!((septets('ç'), septets('Ç'), septets('`'), septets('€')), (None, Some(1), None, Some(2)));
    }
}
