//! What is marked in a text of Telegram, at places counted in UTF-16.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Entity {
    #[serde(rename = "type")]
    kind: Option<String>,
    offset: Option<usize>,
    length: Option<usize>,
    url: Option<String>,
}

/// The text, with the address behind each link that only shows a label: `here (https://a.example)`.
pub(super) fn with_links(text: String, entities: Vec<Entity>) -> String {
    let mut links: Vec<(usize, String)> = entities
        .into_iter()
        .filter(|entity| entity.kind.as_deref() == Some("text_link"))
        .filter_map(|entity| Some((entity.offset?.checked_add(entity.length?)?, entity.url?)))
        .collect();
    if links.is_empty() {
        return text;
    }
    links.sort_by_key(|(end, _)| *end);
    let mut links = links.into_iter().peekable();
    let mut linked = String::with_capacity(text.len());
    let mut units = 0;
    for c in text.chars() {
        while let Some((_, url)) = links.next_if(|(end, _)| *end <= units) {
            add_address(&mut linked, &url);
        }
        linked.push(c);
        units += c.len_utf16();
    }
    for (_, url) in links {
        add_address(&mut linked, &url);
    }
    linked
}

fn add_address(text: &mut String, url: &str) {
    text.push_str(" (");
    text.push_str(url);
    text.push(')');
}
