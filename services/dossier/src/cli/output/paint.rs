//! Colour, where it is wanted.

/// Whether to colour.
#[derive(Clone, Copy, Debug)]
pub struct Paint(pub bool);

/// The colours there are: each stands for one thing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Well.
    Green,
    /// To be looked at; a note, which no customer sees.
    Yellow,
    /// Not well.
    Red,
}

impl Paint {
    /// In a colour.
    pub fn colour(self, text: &str, colour: Colour) -> String {
        self.with(
            text,
            match colour {
                Colour::Green => "32",
                Colour::Yellow => "33",
                Colour::Red => "31",
            },
        )
    }

    /// In bold.
    pub fn bold(self, text: &str) -> String {
        self.with(text, "1")
    }

    /// Less prominent.
    pub fn dim(self, text: &str) -> String {
        self.with(text, "2")
    }

    fn with(self, text: &str, code: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
