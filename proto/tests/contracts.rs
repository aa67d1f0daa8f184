//! What all contracts have in common.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet, field_descriptor_proto::Type};

#[test]
fn every_answer_says_at_which_position_it_is() {
    let all = FileDescriptorSet::decode(proto::DESCRIPTORS).expect("descriptors");
    let ours = all.file.iter().filter(|file| file.package().starts_with("dossier."));
    let messages: BTreeMap<String, &DescriptorProto> = ours
        .clone()
        .flat_map(|file| {
            file.message_type.iter().map(|it| (format!(".{}.{}", file.package(), it.name()), it))
        })
        .collect();
    let methods = ours.flat_map(|file| &file.service).flat_map(|service| &service.method);
    // A stream says it in each piece that has one.
    let unary: Vec<_> = methods.filter(|method| !method.server_streaming()).collect();
    assert!(unary.len() > 40, "{}", unary.len());
    let says = |answer: &str| {
        let mut fields = messages[answer].field.iter();
        fields.any(|field| field.name() == "position" && field.r#type() == Type::String)
    };
    let silent: Vec<_> =
        unary.iter().filter(|method| !says(method.output_type())).map(|it| it.name()).collect();
    assert!(silent.is_empty(), "give these answers a `string position`: {silent:?}");
}
